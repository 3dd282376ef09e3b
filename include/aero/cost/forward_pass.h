#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/primitive.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::cost {

/// What the second operand of a product is. The first is always an activation, which no party
/// knows.
///   activation  an activation, too
///   weight      a trained number, which one party knows or both hold shares of
///   constant    known to both parties
enum class Operand { none, activation, weight, constant };

/// One operation of a forward pass: `count` times the primitive on the same shape, side by side, so
/// that bytes and work grow with count and rounds do not. The primitive's role (primitive.h) says
/// what m, k, n and the second operand are.
///
/// Sums (residual, bias, the causal mask, the running sum of the shaped attention) are not listed:
/// additive shares are added without a word between the parties. Nor is what works on weights
/// alone, which their holder does beforehand: weight and spectral normalisation, a temperature's
/// form.
///
/// Names, in the order in which a pass meets them; q queries, s keys, d_r rotated dimensions a
/// head:
///   embedding, position      position: not in the family pythia
///   norm1                    a fixed norm: weight / sigma [q, d]; so norm2
///   q, k, v                  simplified: v in layer 0 alone
///   value_gain, value_skip   g_r, g_s on v and on its input [q, d]: simplified, layer 0
///   rotary_q, rotary_k       pythia: every rotated dimension by its cosine and sine [q, 2 H d_r]
///   temperature              1/t on Q [q, d], as generation has it; never on the scores
///   attention_scale          1/sqrt(d_k) on Q [q, d]
///   scores, softmax, mix     H times [q, d_k] x [d_k, s], [q, s] and [q, s] x [s, d_k]; softmax is
///                            called as the primitive that stands in its place
///   o                        not in the family simplified
///   shaped_alpha, shaped_beta, shaped_mean, shaped_gamma, attention_gain
///                            simplified: on the mixture, on the values, 1/(i + 1) and gamma on
///                            their running sum, a on the result [q, d]
///   norm2                    in a block with an FFN
///   w_in, activation, w_out  fused: w
///   alpha, beta              ScFFN: 1/alpha on the FFN's output, beta on the skip [q, d]
///   skip_gain, ffn_gain      simplified: m_s on the skip, where its block is sequential, m_r on
///                            the FFN's output [q, d]
///   final_norm, head         of the positions whose logits are asked for
struct ForwardOperation {
  std::string name;
  Primitive primitive = Primitive::matmul;
  Operand operand = Operand::none;
  std::int64_t layer = -1;  ///< -1 outside the blocks
  std::int64_t count = 1;
  std::int64_t m = 1;
  std::int64_t k = 1;
  std::int64_t n = 1;
  /// Whether the holder of the weights can do the multiplication beforehand, on weights, so that
  /// the logits stay the same and a run has nothing to do for it:
  ///   attention_scale         into W_Q
  ///   temperature             into W_Q where a head has one for all positions
  ///   norm1, norm2            a fixed norm: weight / sigma and the mean into the matrices that read
  ///                           it, its bias into their biases
  ///   alpha, ffn_gain         into W_out or the fused W, behind which nothing but the sum comes,
  ///                           whatever the activation
  ///   beta                    where blocks have no norm: all before it that writes to the residual
  ///                           stream, the embeddings included, is multiplied by it, and all before
  ///                           it that reads the stream is divided by it (model::fold_scales); so
  ///                           the final norm and its eps see no change
  ///   value_gain, value_skip  into layer 0's matrix, g_r W_V + g_s I
  ///   shaped_mean             into gamma, which becomes one number a head and position
  ///   attention_gain          into alpha, beta and gamma of every head
  ///   skip_gain               where blocks have no norm: likewise, and its inverse into W_in
  /// What is inverted must not be 0. These stay: a temperature and a rotation that differ from
  /// position to position, a matrix does not; alpha, beta and gamma of the shaped attention have no
  /// matrix next to them, for its values are the block's input; a norm keeps beta and skip_gain,
  /// for its eps would have to follow them.
  bool folds = false;

  bool operator==(const ForwardOperation&) const = default;
};

/// How much of a context one pass works on.
struct Pass {
  std::int64_t queries = 0;  ///< positions that go through the model
  std::int64_t keys = 0;     ///< positions that they attend to, their own and cached ones included
  std::int64_t logits = 0;   ///< positions that the head reads; 0: neither final norm nor head

  bool operator==(const Pass&) const = default;
};

/// All T positions at once, and logits for each: what training and evaluation do, and the papers.
Pass whole_context(const ModelConfig& config);
/// Generation: all T positions of a prompt at once, and logits for the last.
Pass prefill(const ModelConfig& config);
/// Generation: one new position with T - 1 cached ones.
Pass one_token(const ModelConfig& config);

/// In the order in which a pass meets them; no tensor is made. Of a valid config; throws UsageError
/// where a pass has no query, more queries than keys, more keys than the context or more logits
/// than queries, and where an operation's m x k x n does not fit into 64 bits.
std::vector<ForwardOperation> forward_operations(const ModelConfig& config, const Pass& pass);

}  // namespace aero::cost
