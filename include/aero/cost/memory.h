#pragma once

#include "aero/config/run_config.h"

#include <cstdint>

namespace aero::cost {

/// The bytes in use at the end of a forward pass over one batch, beside weights, moments and
/// gradients: what autograd keeps for the backward pass, and the working memory of the loss.
///
/// N = batch_size T token rows; c = bytes of train.dtype; "half" = bfloat16 or float16 under
/// autocast, which leaves the residual stream and the norms in float32 and gives every product a
/// cast copy of its input; f = d_ffn.
struct Activations {
  /// Token ids, 8 N; with dropout its mask, 4 N d.
  std::int64_t embedding = 0;
  /// States of the residual stream, 4 N d each, that a norm, a scale or (in float32) a product
  /// reads: one for each block; a second one for a block with an FFN that is sequential, or
  /// parallel with a scaled FFN; and one before the final norm.
  std::int64_t residual = 0;
  /// A LayerNorm: mean and 1/std, 8 N. An RMSNorm: 1/rms and the normalized states, 4 N + 4 N d. In
  /// float32 also the output of each block norm, 4 N d; in half the cast copies replace it.
  std::int64_t norm = 0;
  /// Each layer: q, k, v and the weighted sum of v, c N d each; the largest, log-sum and mean of
  /// each row of the scores, 12 N H (no T x T matrix); in half one copy of the input, c N d. Rotary
  /// positions: the tables, 4 T dims. A temperature kept as exp or softplus: t itself, 4 H T. The
  /// entropy penalty: each row's entropy, 4 N H, and under row_sum its deviation and margin, 5 N H.
  /// The simplified family: v is the input and counts only in layer 0, which keeps its product too,
  /// c N d; beside these the prefix means of the values and the shaped mixture, 4 N d each, and in
  /// half the values in float32, 4 N d.
  /// Dropout on the attention: PyTorch's unfused path on the CPU keeps float32 q, k and v and three
  /// T x T matrices for each head. Residual dropout: a mask, c N d, simplified 4 N d.
  std::int64_t attention = 0;
  /// Each layer with an FFN: the input of W_out, c N f; the activation's input, c N f, except for
  /// ReLU and none; a fused FFN keeps neither. In half a copy of the input, c N d. A scaled FFN:
  /// its output, c N d. Residual dropout: a mask, c N d.
  std::int64_t ffn = 0;
  /// Copies of the blocks' matrices that products need: in half cast copies, c for each element; in
  /// float32 the matrices under weight or spectral normalisation, 4 for each element. Beside them
  /// the row norms and g divided by them, 8 out, or u and v, 4 (out + in).
  std::int64_t weight_copies = 0;
  /// The head and the cross-entropy work through blocks of rows with up to 2^26 logits in all, and
  /// compute their gradients on the way: the states 4 N d; gradients c N d and 4 V d; in half
  /// copies of states and head, c N d + c V d; the logits, which become their own gradient, and the
  /// product with it for the head's gradient. float16 has no kernel of its own, so its logits first
  /// have a float32 log-softmax beside them.
  std::int64_t loss = 0;

  /// Throws UsageError if the sum does not fit into 64 bits.
  std::int64_t total() const;

  bool operator==(const Activations&) const = default;
};

/// An estimate of the memory of training, in bytes. With accumulation a step peaks at the sum of
/// all. Without it, gradients arise while activations are freed, and the peak is below the sum. Not
/// counted are LibTorch itself, the slack of its allocator, workspaces of kernels, evaluation, and
/// tensors with one number for each layer, head or position (slopes, scales, the penalty of summed
/// rows).
struct Memory {
  std::int64_t weights = 0;    ///< float32, whatever train.dtype is; buffers included
  std::int64_t optimizer = 0;  ///< Adam and AdamW: two float32 moments for each parameter
  std::int64_t gradients = 0;  ///< float32
  Activations activations;

  /// Throws UsageError if the sum does not fit into 64 bits.
  std::int64_t total() const;

  bool operator==(const Memory&) const = default;
};

/// Estimates one batch of train.batch_size contexts in train.dtype on the CPU. CUDA differs in
/// three cases: its dropout masks take one byte for each element; attention with neither
/// temperature nor penalty is PyTorch's, with one number for each row, a copy of the merged heads
/// after rotary positions, and no T x T matrix under dropout; RMSNorm keeps no normalized states.
/// Throws UsageError if a number does not fit into 64 bits.
Memory estimate_memory(const RunConfig& config);

}  // namespace aero::cost
