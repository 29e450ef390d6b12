"""Admin, uploaded files, and two pages."""

from django.conf import settings
from django.contrib import admin
from django.http import JsonResponse, StreamingHttpResponse
from django.urls import path, re_path
from django.views.static import serve


def count(request, lines):
    """Lines of text, made one by one."""
    return StreamingHttpResponse((f"line {number}\n" for number in range(lines)), content_type="text/plain")


def note(request):
    """Repeats the fields of a form."""
    return JsonResponse({name: len(value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken"})


def fails(request):
    raise RuntimeError("this page always fails")


urlpatterns = [
    path("admin/", admin.site.urls),
    re_path(r"^media/(?P<path>.*)$", serve, {"document_root": settings.MEDIA_ROOT}),
    path("count/<int:lines>", count),
    path("note", note),
    path("fails", fails),
]
