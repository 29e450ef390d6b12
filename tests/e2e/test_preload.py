"""The application is imported once by the zygote, unless that is impossible or unwanted."""

from devtools import processes
from harness import died


def imports(lab):
    return (lab.folder / "imports").read_text().split()


def test_the_zygote_imports_once_for_all_workers(server):
    lab = server("counts_imports", {"concurrency": {"processes": 3}}).start()

    answers = {lab.get("/").text for _ in range(20)}

    zygote = lab.zygote().pid
    assert imports(lab) == [str(zygote)]
    assert {answer.split()[0] for answer in answers} == {str(zygote)}
    assert zygote not in [worker.pid for worker in lab.workers()]


def test_a_replacement_is_forked_without_a_new_import(server):
    lab = server("counts_imports").start()
    lab.expect_log(died("worker seat=0"))

    victim = lab.workers()[0]
    lab.kill(victim)
    lab.wait_replaced(victim)

    assert len(imports(lab)) == 1


def test_without_preload_every_worker_imports_for_itself(server):
    lab = server("counts_imports", {"concurrency": {"processes": 2}, "app": {"preload": False}}).start()

    answers = [lab.get("/").text.split() for _ in range(10)]

    assert all(imported == served for imported, served in answers)
    assert set(imports(lab)) >= {str(worker.pid) for worker in lab.workers()}
    assert lab.zygote() is None


def test_an_import_that_starts_threads_is_named_and_served_without_preload(server):
    lab = server("starts_thread", {"concurrency": {"processes": 2}})
    lab.expect_log("left a thread behind, so it cannot be forked.*starts-thread-ticker")
    lab.start()

    answers = [lab.get("/").text.split() for _ in range(10)]

    assert all(imported == served for imported, served in answers)
    assert "starts-thread-ticker" in lab.log()


def test_workers_start_with_the_three_standard_descriptors_and_little_else(server):
    """The zygote's copies of channels, listening sockets and log files do not reach a worker."""
    lab = server("lab", {"concurrency": {"processes": 2}}).start()
    lab.get("/")

    for worker in lab.workers():
        kinds = [target.split(":")[0] for fd, target in processes.descriptors(worker.pid).items() if fd > 2]
        assert kinds.count("socket") == 1, f"only its control socket: {processes.descriptors(worker.pid)}"
        assert kinds.count("/memfd") <= 2
        assert not [kind for kind in kinds if kind.startswith("/") and not kind.startswith("/memfd")]
    zygote = {fd: target for fd, target in processes.descriptors(lab.zygote().pid).items() if fd > 2}
    assert [target.split(":")[0] for target in zygote.values()] == ["socket"], zygote


def test_paths_to_warm_up_are_run_by_the_zygote_before_it_forks(server):
    config = {"concurrency": {"processes": 2}, "app": {"warmup": ["/", "/caf%C3%A9?q=1,2"]}}
    lab = server("warmed", config).start()

    home, coffee, cold = (lab.get(path).text.split() for path in ("/", "/caf%C3%A9", "/cold"))

    zygote = str(lab.zygote().pid)
    assert home[0] != zygote
    assert home[1:] == [zygote]
    assert coffee[1:] == [zygote, "q=1,2"]
    assert cold[0] == cold[1], "a path that is not listed is first run by the worker"


def test_a_warm_up_that_fails_is_reported_and_served_all_the_same(server):
    lab = server("warmed", {"app": {"warmup": ["/raises", "/missing", "/"]}})
    lab.expect_log("Traceback")
    lab.start()

    answer = lab.get("/").text.split()

    assert answer[1] == str(lab.zygote().pid)
    assert "fettle: app.warmup: GET /missing was answered with 404 Not Found" in lab.log()
    assert "fettle: app.warmup: GET /raises failed" in lab.log()
    assert "ValueError: cannot be warmed" in lab.log()
