/* The tracers: which one is current. */
#pragma once

/* Thread context. The filter changed: brings the text up to date if a tracer is on. */
void tracer_refresh(void);
