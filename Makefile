# Builds, runs and tests Nestling. "make help" lists what to type.

.DEFAULT_GOAL := all
SHELL := /bin/sh
# A broken variant, for the tests of the tests (tests/mutants), never the default.
ifdef MUTANT
B := build-$(MUTANT)
endif
B ?= build

# The first prefix that has a compiler; the last, empty one is the machine's own.
CROSS_COMPILE ?= $(shell for p in x86_64-elf- x86_64-linux-gnu- ''; do \
	command -v $${p}gcc >/dev/null 2>&1 && { echo $$p; exit; }; done)
CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
NM      := $(CROSS_COMPILE)nm
OBJDUMP := $(CROSS_COMPILE)objdump
OBJCOPY := $(CROSS_COMPILE)objcopy
NASM    := nasm
PYTHON  := /usr/bin/env python3

KERNEL_DIRS := $(wildcard lib abi arch context mm trace sched rcu ftrace kprobe tracefs kernel tests/kernel tests/bench)
C_SRC   := $(sort $(shell find $(KERNEL_DIRS) -name '*.c' ! -name asm_offsets.c))
ASM_SRC := $(sort $(shell find $(KERNEL_DIRS) -name '*.asm'))
ASM_INC := $(sort $(shell find $(KERNEL_DIRS) -name '*.inc'))
OBJ     := $(C_SRC:%.c=$(B)/obj/%.o) $(ASM_SRC:%.asm=$(B)/obj/%.asm.o)

# Without noinstr-check (it needs Zydis, libelf and libdw on the machine that builds): nothing is proved then. macOS has
# no libdw, and a mutant is broken on purpose.
UNCHECKED ?= $(if $(MUTANT)$(filter Darwin,$(shell uname -s)),1)
HOSTCC ?= gcc
CHECKER := $(if $(filter-out 0,$(UNCHECKED)),,$(B)/noinstr-check)

CHECKER_CFLAGS := -std=gnu11 -D_GNU_SOURCE -g -I. -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes $(if $(CI),-Werror)
CHECKER_LIBS := -lZydis -lelf -ldw

# What a kernel must ask of a hosted compiler; docs/TRICKS.md has the reasons.
CFLAGS := -std=gnu11 -O2 -g -ffreestanding -I. -ffile-prefix-map=$(CURDIR)=. \
	-mno-red-zone -mgeneral-regs-only -mpreferred-stack-boundary=3 -mcmodel=kernel -fno-pic -fno-pie -m64 \
	-fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables \
	-fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-strict-aliasing -fno-common \
	-fno-delete-null-pointer-checks -fno-jump-tables -fno-reorder-blocks-and-partition \
	-fno-tree-loop-distribute-patterns -fno-ipa-ra -fno-ipa-icf -falign-jumps=1 -falign-loops=1 -falign-labels=1 \
	-pg -mfentry -mrecord-mcount -mnop-mcount \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wundef -Wwrite-strings -Wvla -Wtrampolines -Wno-unused-parameter
ifdef CI
CFLAGS += -Werror
endif
NASMFLAGS := -f elf64 -I./ -I$(B)/ -w+all -g -F dwarf
# Not one of the flags whose change rebuilds: a mutant can be made from the objects of the real kernel.
MUTATION := $(if $(MUTANT),-DMUTANT_$(MUTANT))
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none --orphan-handling=error \
	--fatal-warnings -T linker.ld

# Without GRUB's tools the kernel still boots by "qemu -kernel"; all else needs nothing but the ELF.
ISO_IF_POSSIBLE := $(if $(shell command -v grub-mkrescue 2>/dev/null),$(B)/nestling.iso)

all: $(B)/nestling.elf $(B)/initrd.cpio $(B)/nestling.sym $(B)/nestling.asm compile_commands.json $(ISO_IF_POSSIBLE) ## build the kernel

# clang could compile the C, but not so that a function can be traced, or hidden for certain.
CLANG_LACKS = $(CC) is clang, which cannot build this kernel: it has no -mrecord-mcount and -mnop-mcount (a listed nop at \
	the entry of each visible function), and no -fno-ipa-ra and -fno-ipa-icf. Use GCC 10 or newer

# A changed flag or compiler rebuilds; the file changes only when the text does.
$(B)/flags: FORCE
	$(if $(findstring clang,$(shell $(CC) --version 2>/dev/null)),$(error $(CLANG_LACKS)))
	@mkdir -p $(@D)
	@echo '$(CC) $(CFLAGS) $(NASMFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(CFLAGS) $(NASMFLAGS) $(LDFLAGS)' > $@

# The same for the list of objects: a source that went away must go from the kernel, too.
$(B)/objects: FORCE
	@mkdir -p $(@D)
	@echo '$(OBJ)' | cmp -s - $@ || echo '$(OBJ)' > $@

# And for whether it is checked: a kernel that wasn't must not pass for one that was.
$(B)/checked: FORCE
	@mkdir -p $(@D)
	@echo '$(CHECKER)' | cmp -s - $@ || echo '$(CHECKER)' > $@

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(MUTATION) -MMD -MP -c $< -o $@

# All that any of them includes: NASM 2.16's -MD doesn't list it.
$(B)/obj/%.asm.o: %.asm $(ASM_INC) $(B)/asm_offsets.inc $(B)/flags tools/forget-path
	@mkdir -p $(@D)
	@$(NASM) $(NASMFLAGS) $(MUTATION) -MD $(@:.o=.d) -MP $< -o $@
	@tools/forget-path $@ $<

# Structure offsets for assembly come from the compiler, never typed twice.
$(B)/asm_offsets.inc: arch/x86/entry/asm_offsets.c $(B)/flags
	@mkdir -p $(B)/obj
	@$(CC) $(CFLAGS) -MMD -MP -MT $@ -MF $(B)/obj/asm_offsets.d -S $< -o $(B)/obj/asm_offsets.s
	@sed -n 's/^.*->\([A-Z0-9_]*\) \$$*\(-*[0-9a-fx]*\).*/%define \1 \2/p' $(B)/obj/asm_offsets.s > $@

# Three passes: the first without names, each other with the tables made from the one before.
$(B)/obj/symtab0.c: tools/mksymtab
	@mkdir -p $(@D)
	@tools/mksymtab < /dev/null > $@
$(B)/obj/symtab1.c: $(B)/pass1.elf tools/mksymtab
$(B)/obj/symtab2.c: $(B)/pass2.elf tools/mksymtab
$(B)/obj/symtab1.c $(B)/obj/symtab2.c:
	@$(NM) -n --defined-only -S $< | tools/mksymtab > $@
$(B)/obj/symtab%.o: $(B)/obj/symtab%.c $(B)/flags
	@$(CC) $(CFLAGS) -MMD -MP -c $< -o $@
$(B)/pass1.elf: $(B)/obj/symtab0.o
$(B)/pass2.elf: $(B)/obj/symtab1.o
$(B)/pass1.elf $(B)/pass2.elf: $(OBJ) linker.ld $(B)/objects $(B)/flags
	@$(LD) $(LDFLAGS) $(OBJ) $(filter $(B)/obj/symtab%,$^) -o $@
$(B)/noinstr-check: $(wildcard tools/noinstr-check/*.[ch])
	@mkdir -p $(@D)
	@$(HOSTCC) $(CHECKER_CFLAGS) -O2 -o $@ $(filter %.c,$^) $(CHECKER_LIBS) || { \
		echo "noinstr-check can't be built: it needs Zydis, libelf and libdw, which 'tools/deps run' installs;" \
		     "'make UNCHECKED=1' builds a kernel of which nothing is proved" >&2; exit 1; }
$(B)/nestling.elf: $(OBJ) $(B)/obj/symtab2.o linker.ld tools/check-passes $(CHECKER) $(B)/checked
	@$(LD) $(LDFLAGS) -Map=$(B)/nestling.map $(OBJ) $(B)/obj/symtab2.o -o $@.tmp
	@tools/check-passes $(NM) $(B)/pass2.elf $@.tmp
	@$(if $(CHECKER),$(CHECKER) --why=$(B)/noinstr.txt $@.tmp || { rm -f $@ $@.tmp; exit 1; })
	@mv $@.tmp $@
	@echo "built $@$(if $(CHECKER),,, unchecked)" >&2

$(B)/nestling.sym: $(B)/nestling.elf
	@$(NM) -n $< > $@
$(B)/nestling.asm: $(B)/nestling.elf
	@$(OBJDUMP) -d --no-show-raw-insn $< > $@
$(B)/nestling.iso: $(B)/nestling.elf $(B)/initrd.cpio tools/mkiso iso/grub.cfg.in
	@INITRD=$(B)/initrd.cpio tools/mkiso $< $@

compile_commands.json: Makefile $(B)/flags $(C_SRC)
	@$(PYTHON) tools/compdb '$(CC) $(CFLAGS)' $(C_SRC) > $@

-include $(OBJ:.o=.d) $(B)/obj/asm_offsets.d $(B)/obj/symtab0.d $(B)/obj/symtab1.d

include user/user.mk
include tests/host/tests.mk

# For tests that compile as the kernel is compiled.
print-cflags:
	@echo '$(CFLAGS)'

# Options reach tools/run through the environment. What the user wrote is passed as it is: "value"
# keeps make from expanding a $ in it, and no shell ever sees it.
RUN_OPTIONS := CMD SCRIPT APPEND SMP MEM TIMEOUT TIMEOUT_SCALE BOOT ICOUNT ACCEL GDBPORT GDBCMDS STRESS FUZZ FUZZ_INSN SEED
$(foreach o,$(RUN_OPTIONS),$(if $(filter command environment,$(firstword $(origin $o))),\
	$(eval override $o := $$(value $o))$(eval export $o)))

export KERNEL ?= $(B)/nestling.elf
export ISO ?= $(B)/nestling.iso
export INITRD ?= $(B)/initrd.cpio

# Installing comes before the rest of the Makefile can know the tools: hence the second make.
MAKE_QUIETLY = $(MAKE) --no-print-directory

run: ## boot it: make run [CMD='…' | SCRIPT=file] [BOOT=iso|pvh] [APPEND= SMP= MEM= TIMEOUT= ICOUNT=1 ACCEL=]
	@tools/deps run >&2
	@$(MAKE_QUIETLY) all $(B)/nestling.iso >&2
	@BOOT=$${BOOT:-iso} tools/run --status

test: ## all tests, with prove's summary
	@tools/deps test >&2
	@$(MAKE_QUIETLY) all $(B)/nestling.iso host-programs >&2
	@prove --timer -j2 --exec '' $(HOST_PROGRAMS) $(HOST_SCRIPTS) $(wildcard tests/guest/*.t)

torture: export STRESS ?= 40
torture: export FUZZ ?= 20000000
torture: export FUZZ_INSN ?= 50000000
torture: ## the same tests, counts multiplied by STRESS=
	@$(MAKE_QUIETLY) test

sweep: ## a probe on every instruction, by each technique, on one CPU and on four; takes hours; report in build/sweep.txt
	@tools/deps test >&2
	@$(MAKE_QUIETLY) all >&2
	@SWEEP=all prove -v --exec '' tests/guest/sweep.t

debug: ## QEMU and gdb, stopped at kernel_main [BOOT= GDBPORT= APPEND= …]
	@tools/deps test >&2
	@$(MAKE_QUIETLY) all $(B)/nestling.iso >&2
	@tools/debug

debug-fault: ## run until a triple fault, told in words [CMD= APPEND= …]
	@tools/deps test >&2
	@$(MAKE_QUIETLY) all $(B)/nestling.iso >&2
	@tools/debug fault

model: ## RCU's watching counter and barriers in every order of their steps, by spin; counter-examples in build/model/
	@tools/deps test >&2
	@command -v spin >/dev/null || { echo "spin isn't installed: see https://spinroot.com" >&2; exit 1; }
	@prove -v --exec '' tests/model/model.t

bench: ## what things cost, in instructions; also in build/bench.json
	@$(MAKE_QUIETLY) all >&2
	@{ ICOUNT=1 BOOT=pvh CMD='dmesg; bench' tools/run; ICOUNT=1 BOOT=pvh CMD=dmesg tools/run | \
		grep '^boot: to '; } | tools/bench-json $(B)/bench.json

stats: ## lines without blanks and comments, and the image's size, beside their limits
	@$(MAKE_QUIETLY) $(B)/nestling.elf >&2
	@tools/stats . $(B)/nestling.elf

docs-transcripts: ## run what the chapters show again, and put what is printed now in its place
	@$(MAKE_QUIETLY) all >&2
	@tools/docs-transcripts

check: compile_commands.json ## cppcheck, clang-tidy and formatting
	@tools/deps check >&2
	@tools/check $(B)

iso: $(B)/nestling.iso ## the bootable image, build/nestling.iso

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' Makefile

mutate: ## unhide each hidden function in turn: the build must refuse it
	@tools/deps run >&2
	@$(MAKE_QUIETLY) all >&2
	@prove -v --exec '' tests/host/mutate.t :: all

clean: ## remove everything built
	rm -rf $(B) compile_commands.json

.PHONY: all run test torture sweep debug debug-fault model bench stats docs-transcripts check iso mutate help clean print-cflags FORCE
