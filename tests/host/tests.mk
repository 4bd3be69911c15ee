# Host tests: the pure parts of the kernel as ordinary programs, under sanitizers, speaking TAP.
#
#	make -f tests/host/tests.mk host-tests [B=build] [SEED=n]
#	prove $(B)/host/*.t
#
# A test program is one line below:
#
#	$(eval $(call host_test,NAME,TEST SOURCES,KERNEL SOURCES,LIBRARIES))
#
# It becomes $(B)/host/NAME.t, linked with all of lib/ and abi/ and with stand-ins for printk and
# panic (tests/host/stubs.c). Sources below tests/ see libc as it is, and the kernel's functions that
# share a name with libc's as nl_NAME (tests/host/host.h); all other sources are kernel code and are
# compiled with those names replaced (tests/host/rename.h).

B      ?= build
HOSTCC ?= gcc

HOST_CFLAGS := -std=gnu11 -O1 -g -I. -MMD -MP -Wall -Wextra -Wmissing-prototypes -Wstrict-prototypes \
	       -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# Freestanding, and no loop of string.c turned into a call of itself: as in the kernel.
HOST_KERNEL_CFLAGS := $(HOST_CFLAGS) -Wno-unused-parameter -ffreestanding -fno-tree-loop-distribute-patterns \
		      -include tests/host/rename.h

host_obj = $(patsubst %.c,$(B)/host/obj/%.o,$(1))

HOST_COMMON   := $(call host_obj,$(wildcard lib/*.c abi/*.c) tests/host/stubs.c)
HOST_OBJECTS  := $(HOST_COMMON)
HOST_PROGRAMS :=
# Tests that need no building, each with its own #! line.
HOST_SCRIPTS  := $(wildcard tests/host/*.t tests/host/*/*.t tests/model/*.t)

.PHONY: host-tests host-programs
host-tests: host-programs
	prove --exec '' $(HOST_PROGRAMS) $(HOST_SCRIPTS)

define host_test
HOST_PROGRAMS += $(B)/host/$(1).t
HOST_OBJECTS += $(call host_obj,$(2) $(3))
$(B)/host/$(1).t: $(call host_obj,$(2) $(3)) $(HOST_COMMON)
	@mkdir -p $$(@D)
	$(HOSTCC) $(HOST_CFLAGS) -o $$@ $$^ $(4) -lcmocka
endef

$(eval $(call host_test,string,tests/host/lib/string_test.c))
$(eval $(call host_test,parse,tests/host/lib/parse_test.c))
$(eval $(call host_test,printf,tests/host/lib/printf_test.c))
$(eval $(call host_test,seq,tests/host/lib/seq_test.c))
$(eval $(call host_test,list,tests/host/lib/list_test.c))
$(eval $(call host_test,bitmap,tests/host/lib/bitmap_test.c))
$(eval $(call host_test,cpio,tests/host/lib/cpio_test.c))
$(eval $(call host_test,ustar,tests/host/lib/ustar_test.c))
$(eval $(call host_test,glob,tests/host/lib/glob_test.c))
$(eval $(call host_test,symtab,tests/host/lib/symtab_test.c))
$(eval $(call host_test,elf,tests/host/lib/elf_test.c))
$(eval $(call host_test,errno,tests/host/abi/errno_test.c))

INSN := $(wildcard arch/x86/insn/*.c)
$(eval $(call host_test,insn,tests/host/insn_test.c,$(INSN)))
$(eval $(call host_test,insn_displace,tests/host/insn_displace_test.c,$(INSN)))
$(eval $(call host_test,insn_format,tests/host/insn_format_test.c,$(INSN)))
$(eval $(call host_test,insn_zydis,tests/host/insn_zydis.c tests/host/insn_compare.c,$(INSN),-lZydis))
# Also by hand, on any x86-64 program: build/host/insn_elf.t FILE ...
$(eval $(call host_test,insn_elf,tests/host/insn_elf.c tests/host/insn_compare.c,$(INSN),-lZydis))

BOOT_PARSERS := $(addprefix arch/x86/boot/,multiboot2.c pvh.c regions.c)
$(eval $(call host_test,boot,tests/host/boot_test.c tests/host/boot_fixture.c,$(BOOT_PARSERS)))
$(eval $(call host_test,boot_regions,tests/host/boot_regions_test.c tests/host/boot_fixture.c,$(BOOT_PARSERS)))
$(eval $(call host_test,boot_fuzz,tests/host/boot_fuzz.c tests/host/boot_fixture.c,$(BOOT_PARSERS)))

ACPI := $(addprefix arch/x86/cpu/,acpi.c madt.c)
$(eval $(call host_test,acpi,tests/host/acpi_test.c tests/host/acpi_fixture.c,$(ACPI)))
$(eval $(call host_test,madt,tests/host/madt_test.c tests/host/acpi_fixture.c,$(ACPI)))
$(eval $(call host_test,acpi_fuzz,tests/host/acpi_fuzz.c tests/host/acpi_fixture.c,$(ACPI)))

$(eval $(call host_test,mm_buddy,tests/host/mm_buddy_test.c,mm/buddy.c))

$(eval $(call host_test,probe_parse,tests/host/probe_parse_test.c,$(addprefix kprobe/,parse.c place.c fetch_parse.c fetch_type.c)))
$(eval $(call host_test,event_filter,tests/host/event_filter_test.c,ftrace/event_filter.c))

TRACE_RING := trace/ring.c trace/ring_layout.c trace/ring_reader.c trace/clock.c trace/ring_clock.c
$(eval $(call host_test,trace_ring,tests/host/trace_ring_test.c tests/host/trace_ring_fixture.c,$(TRACE_RING),-lpthread))
$(eval $(call host_test,trace_ring_step,tests/host/trace_ring_step_test.c tests/host/trace_ring_fixture.c,$(TRACE_RING)))

SHELL_TREE     := $(filter-out %pipe.c,$(wildcard tracefs/*.c))
SHELL_PROGRAM  := $(addprefix user/sh/,builtins.c complete.c help.c history.c line.c line_edit.c nest.c parse.c run.c shell.c)
SHELL_REGISTRY := -Wl,-T,tests/host/registries.ld
$(eval $(call host_test,black_box,tests/host/black_box_test.c,trace/black_box.c,$(SHELL_REGISTRY)))
$(eval $(call host_test,shell_parse,tests/host/shell_parse_test.c,user/sh/parse.c))
$(eval $(call host_test,shell_line,tests/host/shell_line_test.c,$(addprefix user/sh/,line.c line_edit.c history.c)))
$(eval $(call host_test,shell_tracefs,tests/host/shell_tracefs_test.c tests/host/shell_fixture.c,$(SHELL_TREE),$(SHELL_REGISTRY)))
$(eval $(call host_test,shell_run,tests/host/shell_run_test.c tests/host/shell_fixture.c,$(SHELL_TREE) $(SHELL_PROGRAM),$(SHELL_REGISTRY)))

SHELL_TOUR := $(addprefix user/sh/,builtins.c filter.c grep.c head.c keep.c match.c parse.c pipe.c run.c sort.c tour.c wc.c)
$(eval $(call host_test,shell_tour,tests/host/shell_tour_test.c tests/host/shell_fixture.c,$(SHELL_TREE) $(SHELL_TOUR),$(SHELL_REGISTRY)))
$(eval $(call host_test,sh_match,tests/host/sh_match_test.c,user/sh/match.c))

# The checker of hidden code, under the same sanitizers, for tests/host/noinstr.t. It exits without freeing.
$(B)/host/noinstr-check: $(wildcard tools/noinstr-check/*.[ch])
	@mkdir -p $(@D)
	$(HOSTCC) $(HOST_CFLAGS) -Werror -MF $@.d -D_GNU_SOURCE -o $@ $(filter %.c,$^) -lZydis -lelf -ldw

host-programs: $(HOST_PROGRAMS) $(B)/host/noinstr-check

# make prefers the shorter stem, so tests/ has its own flavour.
$(B)/host/obj/tests/%.o: tests/%.c tests/host/tests.mk
	@mkdir -p $(@D)
	$(HOSTCC) $(HOST_CFLAGS) -Wno-unused-parameter -c -o $@ $<

$(B)/host/obj/%.o: %.c tests/host/tests.mk
	@mkdir -p $(@D)
	$(HOSTCC) $(HOST_KERNEL_CFLAGS) -c -o $@ $<

-include $(HOST_OBJECTS:.o=.d)
