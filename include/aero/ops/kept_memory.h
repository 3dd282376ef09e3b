#pragma once

// Memory of large tensors on the CPU, which a training step frees and takes again.

namespace aero::ops {

/// Lets LibTorch take tensors of 64 KiB and more on the CPU from one region of memory, for the rest
/// of the program. Freed memory is kept, where the C library would give it back to the kernel, which
/// clears its pages before each new use; and a block goes where it leaves the least room beside it,
/// so that activations and gradients, which follow one another within a step, share their memory.
///
/// Does nothing where the kernel grants no such region, as under a limit of address space. Call it
/// before there are threads.
void keep_tensor_memory();

}  // namespace aero::ops
