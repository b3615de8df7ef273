// How this program asks the kernel for memory.
#pragma once

namespace carrel {

// Big blocks come from the heap, too, and stay there when they are freed: a vector that grows to a
// thousand rows would otherwise be given new pages by the kernel at every step. Once, from main,
// before the first thread. Does nothing where the C library is not glibc.
void reuse_freed_memory();

}  // namespace carrel
