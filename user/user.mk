# Programs that run in user mode: each folder below user/ but lib is one, linked with all of lib; all of them in one archive.

USER_PROGRAMS := $(filter-out lib,$(patsubst user/%/,%,$(wildcard user/*/)))
USER_CFLAGS := -std=gnu11 -O2 -g -m64 -ffreestanding -I. -ffile-prefix-map=$(CURDIR)=. -fno-pic -fno-pie -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-omit-frame-pointer -fno-strict-aliasing -fno-common \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wundef -Wwrite-strings -Wvla \
	$(if $(CI),-Werror)
USER_LIB := $(patsubst %.c,$(B)/obj/%.user.o,$(wildcard user/lib/*.c)) $(B)/obj/user/lib/crt0.asm.o
USER_OBJECTS := $(patsubst %.c,$(B)/obj/%.user.o,$(wildcard user/*/*.c))

$(B)/obj/%.user.o: %.c $(B)/flags
	@mkdir -p $(@D)
	@$(CC) $(USER_CFLAGS) -MMD -MP -c $< -o $@

define user_program
$(B)/user/$(1): $(patsubst %.c,$(B)/obj/%.user.o,$(wildcard user/$(1)/*.c)) $(USER_LIB) user/user.ld $(B)/flags
	@mkdir -p $$(@D)
	@$(LD) -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none --fatal-warnings \
		-T user/user.ld $$(filter %.o,$$^) -o $$@
endef
$(foreach p,$(USER_PROGRAMS),$(eval $(call user_program,$(p))))

# Without what only gdb reads.
$(B)/user/%.stripped: $(B)/user/%
	@$(OBJCOPY) --strip-debug $< $@
$(B)/initrd.cpio: $(USER_PROGRAMS:%=$(B)/user/%.stripped) tools/mkcpio user/user.mk
	@tools/mkcpio $@ $(foreach p,$(USER_PROGRAMS),$(p)=$(B)/user/$(p).stripped)

-include $(USER_OBJECTS:.o=.d)
