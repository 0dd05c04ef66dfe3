// Whether a program's file asks for a stack that can be executed.
//
// The kernel gives such a program memory that is writable and executable at once when it is
// loaded, before any rule of its own about mappings counts: code written there runs. What decides
// is PT_GNU_STACK of the executed file (fs/binfmt_elf.c): with PF_X, or missing in a 32-bit one.
//
// The file may be a stranger's: 64 KiB of program headers at most, as the kernel; what cannot be
// read or contradicts itself counts as asking. What is no ELF file (a script) does not ask.
// Reads a few bytes of the file; for the executable of a stopped image they cannot change.
// Thread safety: any thread.
#pragma once

#include "base/fd.h"

namespace writ::enforce {

bool asks_for_executable_stack(FdRef file);

}  // namespace writ::enforce
