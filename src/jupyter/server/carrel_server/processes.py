"""What Linux says about processes, and what only Linux can do: adopt grandchildren."""

import os


def _stat(pid):
    """The fields of /proc/PID/stat after the command's name, or None."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def start_ticks(pid):
    """Field 22: with the pid it names one process for ever (within one boot)."""
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def boot_id():
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def become_subreaper():
    """Orphans among our descendants become our children instead of init's."""
    import ctypes

    pr_set_child_subreaper = 36
    return ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0


def _belongs_to_another(pid, instance):
    """Was it started with the `CARREL_SERVER` of another server? Nobody's is ours to end."""
    name = b"CARREL_SERVER="
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            for entry in file.read().split(b"\0"):
                if entry.startswith(name):
                    return entry[len(name) :] not in (b"", os.fsencode(instance))
    except OSError:
        pass
    return False


def descendants(root, instance):
    """Pids below `root`, the dead ones that nobody has reaped left out, and so is another server
    with all below it: a person may start one in a terminal of this one.
    """
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(entry)
            if fields:
                children.setdefault(int(fields[1]), []).append((int(entry), fields[0]))
    found, todo = [], [root]
    while todo:
        for pid, state in children.get(todo.pop(), []):
            if _belongs_to_another(pid, instance):
                continue
            todo.append(pid)
            if state not in (b"Z", b"X"):
                found.append(pid)
    return found


def send(pids, *signals):
    for pid in pids:
        for signal in signals:
            try:
                os.kill(pid, signal)
            except (ProcessLookupError, PermissionError):
                pass
