"""What a WSGI server loads: `wsgi:application`."""

from shop import create_app

application = create_app()
