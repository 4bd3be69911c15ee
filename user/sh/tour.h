/* A scene of the tour: commentary, and commands that anyone could type. */
#pragma once

#include "lib/compiler.h"
#include "lib/types.h"

struct scene {
	unsigned number;
	const char *title;
	/*
	 * Lines; one that starts with "# " is a command: it is shown, and run. Everything else is
	 * commentary. A command that fails ends the scene, with its "finally" part. One after "#! " is shown
	 * in the same way, and must fail.
	 */
	const char *script;
	/*
	 * Commands that clean up behind a scene that has ended early, run quietly, whatever of it has been played; what settings.c knows
	 * needn't be among them, nor probes of the group "tour".
	 */
	const char *finally;
};

#define SCENE(var, ...)                                  \
	static const struct scene var = { __VA_ARGS__ }; \
	REGISTER_IN(scenes, var)
DECLARE_REGISTRY(scenes);
