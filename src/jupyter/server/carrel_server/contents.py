"""Files that are whole at every moment: written beside the old one, then put in its place."""

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from contextlib import contextmanager

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

stale_s = 600  # what a killed server left beside a file is older than this, or in use


def _create(target, mode):
    """A new hidden file beside `target`: its path and descriptor. The first name tried is always the
    same, so that a save finds what a killed one has left.
    """
    folder, name = os.path.split(target)
    mark = hashlib.blake2s(os.fsencode(name), digest_size=6).hexdigest()
    stem = os.path.join(folder, ".~carrel-" + mark)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        if time.time() - os.lstat(stem).st_mtime > stale_s:
            os.unlink(stem)
    except OSError:
        pass
    try:
        return stem, os.open(stem, flags, mode)
    except FileExistsError:
        aside = f"{stem}-{secrets.token_hex(6)}"
        return aside, os.open(aside, flags, mode)


def _dress(file, old, target):
    """Owner, mode and access lists of the file that is there; False if its owner cannot be kept."""
    mine = os.fstat(file)
    if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(file, old.st_uid, old.st_gid)
        except OSError:
            return False
    os.fchmod(file, stat.S_IMODE(old.st_mode))
    try:
        for name in os.listxattr(target):
            try:
                os.setxattr(file, name, os.getxattr(target, name))
            except OSError:
                pass
    except OSError:
        pass
    return True


def _begin(target):
    """(path, descriptor) of the file to write, or None where only the file itself can be written:
    its folder is closed, it has a second name, another owner, or is no file at all.
    """
    try:
        old = os.lstat(target)
    except FileNotFoundError:
        old = None
    if old and not (
        stat.S_ISREG(old.st_mode) and old.st_nlink == 1 and os.access(target, os.W_OK)
    ):
        return None
    try:
        aside, file = _create(target, 0o600 if old else 0o666)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            return None
        raise
    if old and not _dress(file, old, target):
        os.close(file)
        _remove(aside)
        return None
    return aside, file


def _remove(path):
    try:
        os.unlink(path)
    except OSError:
        pass


class Contents(AsyncLargeFileManager):
    """Stock, but for how a file is written."""

    @contextmanager
    def atomic_writing(self, os_path, text=True, encoding="utf-8", **options):
        """Stock truncates the file and copies it before: killed in between, half of it is left."""
        with self.perm_to_403(os_path):
            target = os.path.realpath(os_path)
            begun = _begin(target) if self.use_atomic_writing else None
        if begun is None:
            with super().atomic_writing(os_path, text, encoding, **options) as file:
                yield file
            return
        aside, descriptor = begun
        if text:
            options = {"newline": "\n", "encoding": encoding, **options}
        try:
            with self.perm_to_403(os_path):
                with open(descriptor, "w" if text else "wb", **options) as file:
                    yield file
                    file.flush()
                    os.fsync(file.fileno())
                try:
                    os.replace(aside, target)
                except OSError:  # a file that is mounted by itself
                    with (
                        super().atomic_writing(os_path, text=False) as file,
                        open(aside, "rb") as whole,
                    ):
                        shutil.copyfileobj(whole, file)
                    _remove(aside)
        except BaseException:
            _remove(aside)
            raise
