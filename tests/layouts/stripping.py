"""Trees of stripped binaries, for a core's process to be read without debug information."""
import os
import shutil
import struct
import subprocess

NT_FILE = 0x46494C45


def mapped_files(core):
    """The paths in a 64-bit little-endian core's list of mapped files, each once."""
    with open(core, "rb") as file:
        (offset,) = struct.unpack("<Q", file.read(40)[32:])
        file.seek(0x36)
        size, count = struct.unpack("<HH", file.read(4))
        for index in range(count):
            file.seek(offset + index * size)
            kind, _, start, _, _, length = struct.unpack("<IIQQQQ", file.read(40))
            if kind != 4:  # PT_NOTE
                continue
            file.seek(start)
            notes = file.read(length)
            at = 0
            while at + 12 <= len(notes):
                name_size, content_size, note = struct.unpack_from("<III", notes, at)
                content = at + 12 + (name_size + 3 & ~3)
                if note == NT_FILE:
                    (files,) = struct.unpack_from("<Q", notes, content)
                    names = notes[content + 16 + 24 * files : content + content_size]
                    return sorted({n.decode() for n in names.split(b"\0") if n})
                at = content + (content_size + 3 & ~3)
    return []


def is_elf(path):
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def strip(path, target, *options):
    """A stripped copy; it keeps the build-id."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    done = subprocess.run(["strip", "--strip-all", *options, "-o", target, path], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    if done.returncode:
        shutil.copy(path, target)


def strip_files_of(core, folder, root="", without=()):
    """A sysroot in `folder` with stripped copies of all ELF files that the core's process had mapped.

    Files whose names hold one of `without` are left out."""
    for path in mapped_files(core):
        if is_elf(root + path) and not any(part in os.path.basename(path) for part in without):
            strip(root + path, folder + path)
    return folder


def copy_system(root, folder):
    """A sysroot in `folder` with what a distribution's root has: stripped binaries, but without its debug files.

    For cores that do not list their files."""
    for name in ("lib", "usr"):
        if os.path.islink(os.path.join(root, name)):
            os.makedirs(folder, exist_ok=True)
            os.symlink(os.readlink(os.path.join(root, name)), os.path.join(folder, name))
        else:
            shutil.copytree(os.path.join(root, name), os.path.join(folder, name), symlinks=True,
                ignore=shutil.ignore_patterns("debug", "*.py"))
    return folder
