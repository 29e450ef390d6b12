"""Which application a target names, and what a user is told when it names none."""

import sys
import textwrap

import pytest


@pytest.fixture
def load(tmp_path, monkeypatch):
    """load(target, module=source, ...) with the modules in the application's directory."""
    from fettle import loading

    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def load(target, **modules):
        for name, source in modules.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(source))
        return loading.load(target)

    yield load
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in sys.modules[name].__file__:
            del sys.modules[name]


def failure(load, target, **modules):
    from fettle.loading import LoadError

    with pytest.raises(LoadError) as caught:
        load(target, **modules)
    assert caught.value.__cause__ is None
    return caught.value.stage.name, str(caught.value)


APP = "def {}(environ, start_response): return ['{}']\n"


def test_application_comes_before_app(load):
    both = APP.format("app", "app") + APP.format("application", "application")

    assert load("shop_a", shop_a=both)(None, None) == ["application"]
    assert load("shop_b", shop_b=APP.format("app", "app"))(None, None) == ["app"]


def test_an_attribute_may_be_dotted_and_in_a_package(load):
    source = "class Shop:\n    class web:\n        @staticmethod\n        def wsgi(environ, start_response): return ['dotted']\n"

    assert load("pack.wsgi:Shop.web.wsgi", pack__wsgi=source)(None, None) == ["dotted"]


def test_a_factory_is_called_without_arguments(load):
    source = "def make_app():\n    return lambda environ, start_response: ['made']\n"

    assert load("shop_c:make_app()", shop_c=source)(None, None) == ["made"]
    assert load("shop_c:make_app")() (None, None) == ["made"]  # without the parentheses it is the application itself


def test_a_missing_module_is_named_with_where_it_was_looked_for(load, tmp_path):
    stage, text = failure(load, "no_such_shop")

    assert stage == "IMPORT"
    assert text.startswith("there is no module 'no_such_shop'; looked in: ")
    assert str(tmp_path) in text
    assert "Traceback" not in text


def test_a_missing_module_of_a_package_is_told_from_a_missing_package(load):
    assert "no module 'package_d.web'" in failure(load, "package_d.web", package_d__other="")[1]
    assert "no module 'no_package' (needed for 'no_package.web')" in failure(load, "no_package.web")[1]


def test_a_module_that_the_application_misses_is_shown_where_it_is_imported(load):
    stage, text = failure(load, "shop_e", shop_e="import flask_that_is_not_there\n")

    assert stage == "IMPORT"
    assert text.startswith("importing 'shop_e' failed\nTraceback (most recent call last):\n  File ")
    assert 'shop_e.py", line 1, in <module>' in text
    assert text.endswith("ModuleNotFoundError: No module named 'flask_that_is_not_there'")


def test_the_traceback_begins_in_the_application(load):
    stage, text = failure(load, "shop_f", shop_f="import shop_g\n", shop_g="def deep():\n    1 / 0\ndeep()\n")

    assert stage == "IMPORT"
    assert text.count("  File ") == 3
    assert text.index("shop_f.py") < text.index("shop_g.py")
    assert "loading.py" not in text
    assert "importlib" not in text
    assert text.endswith("ZeroDivisionError: division by zero")


def test_the_causes_of_an_exception_are_shown(load):
    source = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise RuntimeError('no settings') from error\n"

    _, text = failure(load, "shop_h", shop_h=source)

    assert "ZeroDivisionError" in text
    assert text.endswith("RuntimeError: no settings")


def test_a_syntax_error_shows_the_line(load):
    _, text = failure(load, "shop_i", shop_i="def application(:\n    pass\n")

    assert "shop_i.py" in text
    assert "def application(:" in text
    assert "SyntaxError" in text


def test_sys_exit_during_the_import_is_an_error(load):
    stage, text = failure(load, "shop_j", shop_j="import sys\nsys.exit(3)\n")

    assert stage == "IMPORT"
    assert text.startswith("importing 'shop_j' failed: it called sys.exit(3)")


def test_without_attribute_and_default_names_the_candidates_are_shown(load):
    stage, text = failure(load, "shop_k", shop_k=APP.format("my_app", "x") + "class Ignored: pass\nnumber = 1\n")

    assert stage == "ATTRIBUTE"
    assert "has neither 'application' nor 'app'" in text
    assert "shop_k.py" in text
    assert text.endswith("it has: my_app")


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("shop_l:web", "'shop_l' ({file}) has no attribute 'web'; it has: application"),
        ("shop_l:application.wsgi", "'shop_l:application' has no attribute 'wsgi'"),
        ("shop_l:number", "'shop_l:number' is not a WSGI application: it is of type int and cannot be called"),
        ("shop_l:number()", "'shop_l:number' is not callable: it is of type int"),
        ("shop_l:makes_nothing()", "'shop_l:makes_nothing()' is not a WSGI application: it is of type NoneType and cannot be called"),
    ],
)
def test_a_wrong_attribute_is_explained(load, tmp_path, target, said):
    source = APP.format("application", "x") + "number = 1\nmakes_nothing = type('T', (), {'__call__': lambda self: None, '__module__': None})()\n"
    stage, text = failure(load, target, shop_l=source)

    assert stage == "ATTRIBUTE"
    assert text.startswith(said.replace("{file}", str(tmp_path / "shop_l.py")))


def test_a_factory_that_raises_shows_its_traceback(load):
    stage, text = failure(load, "shop_m:make()", shop_m="def make():\n    raise KeyError('DATABASE_URL')\n")

    assert stage == "ATTRIBUTE"
    assert text.startswith("calling 'shop_m:make()' failed\nTraceback")
    assert "in make" in text
    assert "loading.py" not in text


@pytest.mark.parametrize("target", ["", ":", "shop:", ":app", "shop:app:x", "shop app", "shop:app(1)", "1shop", "shop..web"])
def test_a_target_of_another_form_is_refused(load, target):
    stage, text = failure(load, target)

    assert stage == "IMPORT"
    assert text.startswith(f"'{target}' does not name an application; write MODULE, MODULE:ATTRIBUTE or MODULE:FACTORY()")


@pytest.mark.parametrize(("target", "meant"), [("./shop/wsgi.py", "shop.wsgi"), ("shop/wsgi:app", "shop.wsgi"), ("shop.d/wsgi.py", "shop.d.wsgi")])
def test_a_file_instead_of_a_module_gets_a_hint(load, target, meant):
    assert f"(perhaps '{meant}')" in failure(load, target)[1]


def test_a_file_that_looks_like_a_module_gets_a_hint(load):
    _, text = failure(load, "shop_n.py", shop_n=APP.format("application", "x"))

    assert text.startswith("there is no module 'shop_n.py' (the module in the file shop_n.py is called 'shop_n'); looked in: ")
