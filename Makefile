# SPDX-License-Identifier: GPL-2.0-or-later
# The commands a person types; the build itself is Meson's (meson.build).
#
#   make                 build                        (as any user, packages present)
#   sudo make demo       install what is missing, build, show the director at work
#   sudo make check      install what is missing, build, run the tests
#   sudo make check-reference   compare with the kernel's IPVS, long
#   sudo make bench      measure the budgets of doc/performance.md
#   make install DESTDIR= PREFIX=/usr

BUILD  ?= build
PREFIX ?= /usr/local

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup --prefix $(PREFIX) $(BUILD)

# A build for another prefix is set up anew; nothing is compiled again for that.
install: $(BUILD)/build.ninja
	meson setup --reconfigure --prefix $(PREFIX) $(BUILD)
	ninja -C $(BUILD)
	DESTDIR=$(abspath $(DESTDIR)) meson install -C $(BUILD) --no-rebuild

demo:
	tools/packages build run demo
	$(MAKE) all
	tools/demo $(BUILD)

check:
	tools/packages build run demo check
	$(MAKE) all
	tools/check $(BUILD)

check-all:
	tools/packages build run demo check bench
	$(MAKE) all
	tools/check --all $(BUILD)

check-reference:
	tools/packages build run check
	$(MAKE) all
	tools/check --only reference-all $(BUILD)

bench:
	tools/packages build run bench check
	$(MAKE) all
	tools/bench $(BUILD)

clean:
	rm -rf $(BUILD)

.PHONY: all install demo check check-all check-reference bench clean
