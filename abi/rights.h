/* What a handle lets its owner do with the object behind it. A handle is given on with all of it, or with less. */
#pragma once

#define RIGHT_READ	1u  /* map or read memory; read an object's state */
#define RIGHT_WRITE	2u  /* map memory writably, or write it */
#define RIGHT_EXECUTE	4u  /* map sealed memory for execution */
#define RIGHT_SEND	8u  /* call an endpoint, signal a notification */
#define RIGHT_RECEIVE	16u /* receive from an endpoint, wait for a notification or an interrupt */
#define RIGHT_MANAGE	32u /* stop, start, seal, bind: what changes the object for all */
#define RIGHT_DUPLICATE 64u /* make more handles of it, or give it to somebody */
#define RIGHTS_ALL	127u
