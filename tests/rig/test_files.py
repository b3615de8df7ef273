"""Files between this computer and a machine: `up`, `push`, `pull`, `cp`, and what `rm` looks at first, on a real host."""

import json
import os
import pty
import shutil
import subprocess
import time

import pytest
from rigs import wait_for
from test_program import Person, instances, somebody


class Reader(Person):
    def there(self, script):
        return self.carrel("exec", "lesson", "--", "sh", "-c", script).stdout

    def last(self, *words, status=0):
        return json.loads(self.carrel(*words, "--json", status=status).stdout.splitlines()[-1])

    def on_terminal(self, *words, answers):
        """(exit status, what the terminal showed); each answer is given once its question is there."""
        ours, theirs = pty.openpty()
        words = [os.environ["CARREL_PROGRAM"], *words]
        process = subprocess.Popen(words, env=self.env, cwd=self.folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)
        shown, asked, deadline = b"", 0, time.monotonic() + 120
        while True:
            assert time.monotonic() < deadline, shown
            try:
                got = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not got:
                break
            shown += got
            if len(answers) > 0 and shown.count(b"[y/N] ") > asked:
                asked += 1
                os.write(ours, answers.pop(0).encode())
        os.close(ours)
        return process.wait(30), shown.decode(errors="replace")


@pytest.fixture
def reader(ready_rig):
    with somebody(Reader, ready_rig) as reader:
        yield reader


def test_more_than_500_mb_is_not_sent_without_a_yes(reader, host_rig):
    with open(reader.folder / "data.bin", "wb") as file:
        file.truncate(501_000_000)
    said = reader.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", status=3).stderr
    assert "501 MB" in said and "--yes" in said and ".carrelignore" in said
    status, shown = reader.on_terminal("up", "--on", "ec2", "--instance", "g4dn.xlarge", answers=["n\n"])
    assert status == 1 and "Send it?" in shown
    (reader.folder / ".carrelignore").write_text("*.bin\n")
    assert "501 MB" not in reader.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", status=3).stderr
    assert instances(host_rig) == {}


@pytest.mark.timeout(600)
def test_files_go_over_and_come_home(reader, host_rig):
    folder = reader.folder
    many = folder / "many"
    many.mkdir()
    for number in range(1000):
        (many / f"f{number}").write_bytes(os.urandom(2000))
    (folder / "empty").mkdir()
    (folder / "new\nline").write_text("odd")
    (folder / "link").symlink_to("/etc/hostname")
    (folder / "plot.py").write_text("base")
    (folder / ".carrelignore").write_text("data/\n")
    (folder / "data").mkdir()
    (folder / "data/big").write_text("stays here")
    begun = reader.carrel("up", "--on", "ec2", "--instance", "g4dn.xlarge", "--yes", "--json").stdout
    (sent,) = [event for event in map(json.loads, begun.splitlines()) if event.get("phase") == "files" and event["state"] == "end"]
    assert sent["result"].startswith("1006 files"), sent
    print(f"1,000 files and a few in {sent['elapsed_ms']} ms")
    assert sent["elapsed_ms"] < 5000
    assert reader.there("ls many | wc -l; cat 'new\nline'; readlink link; test -d empty && echo empty; test ! -e data") == "1000\nodd/etc/hostname\nempty\n"
    assert reader.last("push")["files"] == 0 and reader.last("pull")["files"] == 0

    # Each side changes something of its own, and both change one file.
    (many / "f1").write_text("mine")
    reader.there("echo result > result.csv; echo theirs > many/f2; rm many/f3; echo theirs > plot.py; mkdir -p data; echo model > data/model")
    (folder / "plot.py").write_text("mine")
    pushed = reader.last("push", status=1)
    assert pushed["refused"] == ["plot.py"] and pushed["files"] == 1 and pushed["deleted_there"] == ["many/f3"]
    assert reader.there("cat many/f1 plot.py") == "minetheirs\n"
    said = reader.carrel("push", status=1).stderr
    assert "plot.py" in said and "--force" in said

    # What only the machine has is listed, and not lost to a plain yes.
    refused = reader.carrel("rm", "lesson", "--yes", status=3).stderr
    assert all(name in refused for name in ("result.csv", "many/f2", "plot.py", "data/model", "--discard")), refused
    assert set(instances(host_rig).values()) == {"running"}

    pulled = reader.last("pull", status=1)
    assert pulled["beside"] == [{"path": "plot.py", "copy": "plot.from-machine.py"}] and pulled["files"] == 3 and pulled["left_out"] == 1
    assert (folder / "plot.py").read_text() == "mine" and (folder / "plot.from-machine.py").read_text() == "theirs\n"
    assert (folder / "result.csv").read_text() == "result\n" and (many / "f2").read_text() == "theirs\n" and (many / "f3").exists()
    assert reader.last("push")["files"] == 1 and reader.there("cat plot.py") == "mine"
    assert reader.last("pull")["files"] == 0

    # Single files and folders, both ways, whatever the rules say.
    assert reader.last("cp", "lesson:data/model", "here.pt")["files"] == 1
    assert (folder / "here.pt").read_text() == "model\n"
    (folder / "sub").mkdir()
    assert reader.last("cp", "lesson:many", "lesson:result.csv", "sub")["files"] == 1000
    assert (folder / "sub/many/f2").read_text() == "theirs\n" and (folder / "sub/result.csv").exists()
    assert reader.last("cp", "lesson:many", "sub") | {"files": 0, "there_already": 999} == reader.last("cp", "lesson:many", "sub")
    reader.carrel("cp", "data/big", "sub/result.csv", "lesson:data")
    assert reader.there("cat data/big data/result.csv") == "stays hereresult\n"
    assert "no file" in reader.carrel("cp", "lesson:none", ".", status=1).stderr
    shutil.rmtree(folder / "sub")

    # On a terminal rm offers to bring it home.
    reader.there("rm -r data; for i in $(seq 12); do echo $i > new$i; done")
    status, shown = reader.on_terminal("rm", "lesson", answers=["y\n", "n\n"])
    assert status == 1 and "and 2 more" in shown and "Remove lesson?" in shown, shown
    assert (folder / "new12").read_text() == "12\n"
    assert set(instances(host_rig).values()) == {"running"}

    # What git has pushed from there is not lost with the machine.
    reader.there(
        """set -e; git init -q --bare ~/remote; git init -q clone; cd clone; echo pushed > pushed.txt; git add .
        git -c user.name=n -c user.email=e commit -qm one; git remote add origin ~/remote; git push -q origin HEAD
        git remote set-url origin https://example.com/x.git; echo only > only.txt"""
    )
    refused = reader.carrel("rm", "lesson", "--yes", status=3).stderr
    assert "clone/only.txt" in refused and "pushed.txt" not in refused, refused

    # A stopped machine cannot be looked at.
    reader.carrel("stop", "lesson")
    (instance,) = instances(host_rig)
    host_rig.wait_state(instance, "stopped")
    said = reader.carrel("rm", "lesson", "--yes", status=3).stderr
    assert "could not be looked at" in said and "--discard" in said
    reader.carrel("rm", "lesson", "--yes", "--discard")
    wait_for("its end", lambda: set(instances(host_rig).values()) <= {"terminated"}, 60)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_nothing_is_in_the_way_of_a_removal_when_all_has_come_home(reader, host_rig):
    reader.up()
    reader.there("echo result > result.csv")
    assert reader.last("pull")["files"] == 1
    reader.carrel("rm", "lesson", "--yes")
    wait_for("its end", lambda: set(instances(host_rig).values()) <= {"terminated"}, 60)
    assert (reader.folder / "result.csv").exists()
