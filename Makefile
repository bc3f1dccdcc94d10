# Everything a newcomer needs. Each target may be repeated: what is there already is not done again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VENV := .venv
BIN := $(VENV)/bin
# A stamp stands for one state of these inputs; moving the clone makes its virtual environment useless, so the path counts.
STATE := $(shell { pwd; cat pyproject.toml .ci/need .ci/python; } | sha256sum | cut -c1-16)
RUN := $(VENV)/.stamps/run-$(STATE)
DEV := $(VENV)/.stamps/dev-$(STATE)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
DEMO := build/demo
DEMO_BINS := $(patsubst %,examples/demo/bin/%,mock-db mock-api linux/mock-db linux/mock-api)
LIMA ?= faultbox
BPF := $(patsubst bpf/%.c,faultbox/bpf_objects/%.o,$(wildcard bpf/*.bpf.c))
BPF_NEEDS := clang=clang /usr/include/bpf/bpf_helpers.h=libbpf-dev /usr/include/linux/bpf.h=linux-libc-dev libbpf.so.1=libbpf1
# Where Debian keeps <asm/types.h>; elsewhere it is on the usual path.
BPF_ARCH := $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_FLAGS := -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -g -O2 -Wall -Werror -idirafter /usr/include/$(shell uname -m)-linux-gnu

# make test ARGS='-k worlds -x'
ARGS ?=
JOBS ?= $(shell nproc)

.PHONY: help install bpf demo demo-bins lima-run test lint bench kernels clean

help: ## show this
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 17

install: $(RUN) $(BPF) ## make .venv with .venv/bin/faultbox in it (what is missing from apt too, as root)
	@echo "$(BIN)/faultbox is ready"

$(RUN):
	@echo "==> setting up $(VENV) (once)"
	@.ci/need module:ensurepip=python3-venv libseccomp.so.2=libseccomp2 redis-server=redis-server $(BPF_NEEDS)
	@.ci/python $(VENV)
	@$(PIP) --editable '.[examples]'
	@$(BIN)/python -m compileall -q faultbox # an editable install is not compiled, and the first user may not be allowed to
	@mkdir -p $(@D) && touch $@

bpf: $(BPF) ## compile what runs in the kernel

$(BPF): faultbox/bpf_objects/%.o: bpf/%.c $(wildcard bpf/*.h) | $(RUN)
	@mkdir -p $(@D)
	@clang $(BPF_FLAGS) -c $< -o $@

$(DEV): $(RUN)
	@echo "==> adding what only tests and benchmarks need (once)"
	@.ci/need gcc=gcc /usr/include/stdio.h=libc6-dev strace=strace tcpdump=tcpdump ip=iproute2 redis-cli=redis-tools setpriv=util-linux \
	  openssl=openssl curl=curl node=nodejs npm=npm chromium=chromium tmux=tmux /usr/lib/postgresql=postgresql /usr/lib/python3/dist-packages/bcc=python3-bpfcc wrk=wrk nginx=nginx-light
	@$(PIP) --editable '.[dev]'
	@touch $@

demo: $(RUN) ## run the fault matrix of examples/orders: first with two bugs in it, then without
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	@echo "==> faultbox test examples/orders/faultbox.star    (two bugs are planted: red is right)"
	@code=0; $(BIN)/faultbox test examples/orders/faultbox.star --seed 1 --output $(DEMO) || code=$$?; \
	  [ $$code -eq 1 ] || { echo "expected exit code 1 (bugs found), got $$code" >&2; exit 1; }
	@echo
	@echo "==> faultbox test examples/orders/fixed.star       (the same system, mended: all green)"
	@$(BIN)/faultbox test examples/orders/fixed.star --seed 1 --output $(DEMO)
	@echo
	@echo "Both as expected: the matrix found the bugs, and shows that they are gone. Bundles are in $(DEMO)/."

demo-bins: $(DEMO_BINS) ## compile the services of examples/demo: static, for this machine's processor

examples/demo/bin/linux/%: examples/demo/bin/%
	@mkdir -p $(@D) && cp $< $@

examples/demo/bin/%: examples/demo/%.c
	@.ci/need gcc=gcc /usr/include/stdio.h=libc6-dev
	@mkdir -p $(@D) && gcc -O2 -Wall -Wextra -Werror -static -pthread -o $@ $<

lima-run: ## macOS: run CMD="faultbox test …" in examples/demo, in a Linux machine of Lima
	@command -v limactl >/dev/null || { echo 'lima-run is for macOS and needs Lima (lima-vm.io); on Linux, do without it: cd examples/demo && $(CMD)' >&2; exit 1; }
	@[ -n '$(CMD)' ] || { echo 'say what to run: make lima-run CMD="faultbox test protocol-test.star"' >&2; exit 1; }
	@limactl list --quiet | grep -qx '$(LIMA)' || { echo 'make the machine first: limactl start --name=$(LIMA) --mount-writable template://debian-12' >&2; exit 1; }
	@limactl shell --workdir='$(CURDIR)' '$(LIMA)' sudo sh -c '.ci/need make=make && make --no-print-directory install demo-bins'
	@limactl shell --workdir='$(CURDIR)/examples/demo' '$(LIMA)' sudo env PATH='$(CURDIR)/$(BIN):/usr/sbin:/usr/bin:/sbin:/bin' $(CMD)

lint: $(DEV) ## ruff, mypy --strict, import-linter
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test: $(DEV) $(BPF) lint ## lint, then every test
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

bench: $(DEV) $(BPF) ## print our figures beside the alternatives', measured now on this machine
	@$(BIN)/python -m benchmarks $(ARGS)

kernels: $(DEV) $(BPF) ## try it on other kernels, in qemu: KERNELS="a.deb b.deb", or those that apt knows (some minutes each)
	@.ci/need qemu-system-x86_64=qemu-system-x86 busybox=busybox-static cpio=cpio zstd=zstd
	@$(BIN)/python tests/kernels $(KERNELS)

clean: ## remove what make and the tools have made here
	rm -rf $(VENV) faultbox/bpf_objects examples/demo/bin build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
