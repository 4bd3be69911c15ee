# Programs that run in user mode: each folder below user/ but lib is one, linked with what it needs of user/lib and of what is
# pure in lib/ and abi/; all of them in one archive.

USER_PROGRAMS := $(filter-out lib,$(patsubst user/%/,%,$(wildcard user/*/)))
USER_CFLAGS := -std=gnu11 -O2 -g -m64 -ffreestanding -I. -ffile-prefix-map=$(CURDIR)=. -fno-pic -fno-pie -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-optimize-sibling-calls -fno-strict-aliasing \
	-fno-common -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wwrite-strings -Wvla \
	-Wno-unused-parameter $(if $(CI),-Werror)
USER_PURE := $(addprefix lib/,archive.c cpio.c elf.c elf_symbol.c glob.c printf.c seq.c string.c ustar.c) abi/errno.c
USER_LIB := $(patsubst %.c,$(B)/obj/%.user.o,$(wildcard user/lib/*.c) $(USER_PURE)) \
	$(patsubst %.asm,$(B)/obj/%.asm.o,$(wildcard user/lib/*.asm))
# What the shell shares with the kernel.
USER_SHARED_sh := tracefs/path.c
USER_OBJECTS := $(patsubst %.c,$(B)/obj/%.user.o,$(wildcard user/*/*.c) $(USER_PURE) $(USER_SHARED_sh))

$(B)/obj/%.user.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

define user_program
$(B)/user/$(1): $(patsubst %.c,$(B)/obj/%.user.o,$(wildcard user/$(1)/*.c) $(USER_SHARED_$(1))) $(USER_LIB) user/user.ld $(B)/flags
	@mkdir -p $$(@D)
	@$(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none --gc-sections --fatal-warnings \
		-T user/user.ld $$(filter %.o,$$^) -o $$@
endef
$(foreach p,$(USER_PROGRAMS),$(eval $(call user_program,$(p))))

# Without what only gdb reads.
$(B)/user/%.stripped: $(B)/user/%
	@$(OBJCOPY) --strip-debug $< $@
$(B)/initrd.cpio: $(USER_PROGRAMS:%=$(B)/user/%.stripped) tools/mkcpio user/user.mk
	@tools/mkcpio $@ $(foreach p,$(USER_PROGRAMS),$(p)=$(B)/user/$(p).stripped)

-include $(USER_OBJECTS:.o=.d)
