"""What of Faultbox works on which kernel: `make kernels`, or `python tests/kernels PACKAGE.deb ...`.

Boots each kernel of the packages in qemu (emulated, so that any host will do: some minutes each) with this
interpreter, this tree and the few modules that worlds need in its initial RAM file system, and prints what inside.py
finds. Without packages: those that the package manager has for Debian's linux-image-*cloud-amd64.
"""

from __future__ import annotations

import compileall
import json
import lzma
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Timer

TREE = Path(__file__).parent.parent.parent
METAPACKAGES = ("linux-image-cloud-amd64", "linux-image-6.12-cloud-amd64")
MODULES = ("overlay", "sch_ingress", "cls_bpf", "veth", "loop", "inet_diag", "tcp_diag")
"""What Debian and Ubuntu don't build into their kernels, in an order in which they can be loaded."""
SITE = ("starlark_go", "pyseccomp.py", "uvloop")
LIBRARIES = ("libbpf.so.1", "libseccomp.so.2")
UNNEEDED = (
    "test",
    "idlelib",
    "ensurepip",
    "lib2to3",
    "turtledemo",
    "tkinter",
    "site-packages",
    "__pycache__",
    "config-*",
    "*.a",
)
MEMORY_MB, LIMIT_S = 2048, 1800
INIT = """#!/bin/busybox sh
if [ ! -d /new ]; then # nobody can pivot away from the initial root itself, but from this mount of it (pivot_root(2))
  /bin/busybox mkdir /new
  /bin/busybox mount --bind / /new
  cd /new
  /bin/busybox mount --move . /
  exec /bin/busybox chroot . /init
fi
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tracefs trace /sys/kernel/tracing
mount -t cgroup2 cgroup /sys/fs/cgroup
mount -t tmpfs tmp /tmp
mount -t tmpfs state /var
ln -s /proc/self/fd /dev/fd
ip link set lo up
for module in {modules}; do [ -e /modules/$module.ko ] && insmod /modules/$module.ko; done
export HOME=/root PATH=/usr/bin:/bin FAULTBOX_STATE_DIR=/var/faultbox
export PYTHONPATH=/faultbox:/site PYTHONDONTWRITEBYTECODE=1
python3 /faultbox/tests/kernels/inside.py
poweroff -f
"""


def main(packages: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="faultbox-kernels-", dir="/var/tmp") as scratch:
        place = Path(scratch)
        for package in packages or download(place):
            subprocess.run(["dpkg-deb", "-x", package, place / "unpacked"], check=True)
        found = dict(sorted(kernels(place / "unpacked")))
        if not found:
            sys.exit("there is no kernel in these packages: name those of its image and of its modules")
        root = place / "root"
        furnish(root)
        return max([boot(image, modules, root, place) for image, modules in found.items()])


def download(place: Path) -> Iterator[Path]:
    """The packages of the kernels that the package manager knows."""
    told = subprocess.run(["apt-cache", "depends", *METAPACKAGES], capture_output=True, text=True, check=True).stdout
    names = re.findall(r"Depends: (linux-image-\S+)", told)
    subprocess.run(["apt-get", "download", *names], cwd=place, check=True)
    return place.glob("*.deb")


def kernels(tree: Path) -> Iterator[tuple[Path, Path]]:
    """The image of each kernel, and where its modules are."""
    for image in tree.rglob("vmlinuz*"):
        version = image.name.removeprefix("vmlinuz-") if image.name != "vmlinuz" else image.parent.name
        yield image, next((each for each in tree.rglob(version) if (each / "kernel").is_dir()), tree)


def furnish(root: Path) -> None:
    """The file system of all machines: an interpreter, what it needs, and this tree."""
    for name in ("proc", "sys", "dev", "tmp", "var", "root", "run", "bin", "usr/bin", "etc", "modules"):
        (root / name).mkdir(parents=True)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n")
    init = root / "init"
    init.write_text(INIT.format(modules=" ".join(MODULES)))
    init.chmod(0o755)
    shutil.copy2(
        shutil.which("busybox") or sys.exit("busybox is missing: apt-get install busybox-static"), root / "bin"
    )
    skip = shutil.ignore_patterns(*UNNEEDED)
    python, library = Path(sys.base_prefix, "bin/python3").resolve(), Path(sysconfig.get_path("stdlib"))
    put(root, python, library, ignore=skip)
    (root / "usr/bin/env").symlink_to("/bin/busybox")
    (root / "usr/bin/python3").symlink_to(python)
    for name in SITE:
        source = Path(sysconfig.get_path("purelib"), name)
        (root / "site").mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, root / "site" / name)
    shutil.copytree(TREE / "faultbox", root / "faultbox/faultbox", ignore=skip)
    shutil.copytree(Path(__file__).parent, root / "faultbox/tests/kernels", ignore=skip)
    compileall.compile_dir(root, maxlevels=99, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    put(root, *libraries(root))
    put(root, Path("/sbin/ldconfig"), Path("/etc/ld.so.cache"))  # ctypes.util.find_library() asks them


def put(root: Path, *sources: Path, ignore: object = None) -> None:
    """Copy files and directories to where they are here."""
    for source in sources:
        target = root / source.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignore)
        else:
            shutil.copy2(source, target)


def libraries(root: Path) -> set[Path]:
    """All shared libraries that the programs and libraries in a tree are linked with, and those that ours load."""
    cache = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    loaded = [re.search(rf"{re.escape(each)} .*=> (\S+)", cache) for each in LIBRARIES]
    named = [Path(each[1]) for each in loaded if each]
    binaries = [
        *named,
        *root.rglob("*.so*"),
        *(root / each for each in (sys.base_prefix[1:] + "/bin",)),
        *root.rglob("python3.*"),
    ]
    files = [str(each) for each in binaries if each.is_file()]
    told = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    return {*named, *(Path(each) for each in re.findall(r"(?:=> |^\s+)(/\S+) \(0x", told, re.MULTILINE))}


def boot(image: Path, modules: Path, root: Path, place: Path) -> int:
    """Run inside.py on a kernel and print what it finds; 1 where it did not come to its end."""
    shutil.rmtree(root / "modules")
    (root / "modules").mkdir()
    for name in MODULES:
        for packed in modules.rglob(f"{name}.ko*"):
            (root / "modules" / f"{name}.ko").write_bytes(unpack(packed))
    ram = place / "ram"
    with ram.open("wb") as file:
        names = "\n".join(str(each.relative_to(root)) for each in [root, *root.rglob("*")])
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=file, check=True)
    command = [
        "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", str(MEMORY_MB),
        "-nographic", "-no-reboot", "-nic", "none", "-kernel", str(image), "-initrd", str(ram),
        "-append", "console=ttyS0 quiet panic=-1 rdinit=/init",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as machine:
        assert machine.stdout is not None
        timer = Timer(LIMIT_S, machine.kill)
        timer.start()
        try:
            done = show(machine.stdout)
        finally:
            timer.cancel()
            machine.kill()
    return 0 if done else 1


def unpack(module: Path) -> bytes:
    if module.suffix == ".xz":
        return lzma.decompress(module.read_bytes())
    if module.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", module], capture_output=True, check=True).stdout
    return module.read_bytes()


def show(lines: Iterable[bytes]) -> bool:
    """Print what a machine tells; whether it told all."""
    last, said = "", []
    for line in lines:
        text = line.decode(errors="replace").strip()
        said.append(text)
        try:
            what, found = json.loads(text[text.index('["') :])
        except ValueError:
            continue
        say(f"  {what:<42} {found}" if what != "kernel" else f"\nLinux {found}")
        last = what
    if last != "doctor machine":
        say("\n    ".join(["  it ended before its time:", *said[-25:]]))
    return last == "doctor machine"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
