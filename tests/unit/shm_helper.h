/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of shm/ and their helper process agree on.
 */
#ifndef TESTS_UNIT_SHM_HELPER_H
#define TESTS_UNIT_SHM_HELPER_H

#define HELPER_TURN_CALLS 12u /* of a turn in tests/unit/test_torn_commit.c */
#define HELPER_MAP_SIZE	  (4u << 20)
/* The twin of call i where each has one. */
#define HELPER_TWIN_OF(i) call_make(1, 1000000u + (i))
#define HELPER_TWIN	  1000 /* counter of the call equal to call 1 */

#endif
