"""Counts of a run as costs of a request."""

from support.cost import is_python, own_frames, per_request, without_templates


def test_what_no_name_accounts_for_is_shown_as_others():
    found = per_request({"calls": {"sys_enter": 300, "recvmsg": 100, "sendmsg": 150}}, 100)
    assert found["system_calls"] == 3.0
    assert found["system_calls_by_name"] == {"sendmsg": 1.5, "recvmsg": 1.0, "others": 0.5}


def test_without_the_kernels_total_the_names_are_all_there_is():
    found = per_request({"calls": {"read": 50}}, 100)
    assert found["system_calls"] == 0.5
    assert found["system_calls_by_name"] == {"read": 0.5}


def test_what_was_not_counted_is_not_zero():
    assert per_request({"calls": {}}, 100)["doorbells"] is None
    found = per_request({"calls": {}, "bells": {}, "instructions": {"instructions:u": 2000}}, 100)
    assert (found["doorbells"], found["instructions"]) == (0, 20)


def test_a_stack_is_shown_from_where_our_code_enters_a_library():
    stack = ("malloc_it (libfoo.so)", "append (string.tcc:4)", "ours (balancer/a.cpp:1)", "also (loop/b.cpp:2)")
    assert own_frames(stack) == ["append (string.tcc:4)", "ours (balancer/a.cpp:1)", "also (loop/b.cpp:2)"]


def test_our_own_code_may_be_the_innermost():
    assert own_frames(("ours (worker/native/a.cpp:1)", "main (python3.11)")) == ["ours (worker/native/a.cpp:1)"]


def test_a_stack_without_our_code_is_shown_as_it_is():
    assert own_frames(("a (x)", "b (x)", "c (x)", "d (x)", "e (x)")) == ("a (x)", "b (x)", "c (x)", "d (x)")


def test_template_arguments_are_left_out():
    assert without_templates("std::vector<std::pair<int, char> >::grow (a.h:3)") == "std::vector::grow (a.h:3)"


def test_the_interpreter_is_told_from_our_extension():
    assert is_python("python3.11") and is_python("libpython3.13.so.1.0")
    assert not is_python("_fettle.cpython-311-x86_64-linux-gnu.so") and not is_python("fettle")
