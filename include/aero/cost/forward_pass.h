#pragma once

#include "aero/config/model_config.h"
#include "aero/cost/primitive.h"

#include <cstdint>
#include <string>
#include <vector>

namespace aero::cost {

/// The kind of a product's second operand. The first is always an activation, which no party knows.
///   activation  an activation, too
///   weight      a trained number, which one party knows or of which both hold shares
///   constant    a number that both parties know
enum class Operand { none, activation, weight, constant };

/// One operation of a forward pass: `count` times the primitive on the same shape, side by side. So
/// bytes and work grow with count, but rounds do not. The primitive's role (primitive.h) says what
/// m, k, n and the second operand are.
///
/// Sums (residual, bias, the causal mask, the running sum of the shaped attention) are not listed,
/// since parties add additive shares without communication. Work on weights alone (weight and
/// spectral normalisation, the form of a temperature) is not listed either: their holder does it
/// beforehand.
///
/// Names, in the order of a pass, with q queries, s keys and d_r rotated dimensions of a head:
///   embedding, position      position: not in the family pythia
///   norm1                    a fixed norm: weight / sigma [q, d]; likewise norm2
///   q, k, v                  simplified: v in layer 0 alone
///   value_gain, value_skip   g_r, g_s on v and on its input [q, d]: simplified, layer 0
///   rotary_q, rotary_k       pythia: every rotated dimension by its cosine and sine [q, 2 H d_r]
///   temperature              1/t on Q [q, d], as in generation; never on the scores
///   attention_scale          1/sqrt(d_k) on Q [q, d]
///   scores, softmax, mix     H times [q, d_k] x [d_k, s], [q, s] and [q, s] x [s, d_k]; a
///                            substitute of softmax has its primitive's name
///   o                        not in the family simplified
///   shaped_alpha, shaped_beta, shaped_mean, shaped_gamma, attention_gain
///                            simplified: on the mixture, on the values, 1/(i + 1) and gamma on
///                            their running sum, a on the result [q, d]
///   norm2                    in a block with an FFN
///   w_in, activation, w_out  fused: w
///   alpha, beta              ScFFN: 1/alpha on the FFN's output, beta on the skip [q, d]
///   skip_gain, ffn_gain      simplified: m_s on the skip of a sequential block, m_r on the FFN's
///                            output [q, d]
///   final_norm, head         on the positions whose logits are asked for
struct ForwardOperation {
  std::string name;
  Primitive primitive = Primitive::matmul;
  Operand operand = Operand::none;
  std::int64_t layer = -1;  ///< -1 outside the blocks
  std::int64_t count = 1;
  std::int64_t m = 1;
  std::int64_t k = 1;
  std::int64_t n = 1;
  /// Whether the multiplication folds: the holder of the weights can do it beforehand on weights.
  /// The logits then stay the same, and a run has no work for it.
  ///   attention_scale         folds into W_Q
  ///   temperature             into W_Q, if a head has one temperature for all positions
  ///   norm1, norm2            a fixed norm: weight / sigma and the mean into the matrices after
  ///                           it, its bias into their biases
  ///   alpha, ffn_gain         into W_out or the fused W, with any activation, since only the sum
  ///                           comes after them
  ///   beta                    if blocks have no norm (model::fold_scales): every earlier matrix
  ///                           that writes to the residual stream, and the embeddings, are
  ///                           multiplied by it, and every earlier matrix that reads the stream is
  ///                           divided by it; the final norm and its eps see no change
  ///   value_gain, value_skip  into layer 0's matrix, g_r W_V + g_s I
  ///   shaped_mean             into gamma, which becomes one number for each head and position
  ///   attention_gain          into alpha, beta and gamma of every head
  ///   skip_gain               as beta, and its inverse into W_in
  /// A number that is inverted must not be 0. Other multiplications do not fold: a temperature or a
  /// rotation that differs between positions, since a matrix does not; alpha, beta and gamma of the
  /// shaped attention, which have no matrix next to them, since its values are the block's input;
  /// beta and skip_gain if there is a norm, since its eps would have to follow them.
  bool folds = false;

  bool operator==(const ForwardOperation&) const = default;
};

/// The part of a context that one pass works on.
struct Pass {
  std::int64_t queries = 0;  ///< positions that go through the model
  std::int64_t keys = 0;     ///< positions that they attend to: their own and cached ones
  std::int64_t logits = 0;   ///< positions that the head reads; 0: neither final norm nor head

  bool operator==(const Pass&) const = default;
};

/// All T positions at once, with logits for each, as in training, in evaluation and in the papers.
Pass whole_context(const ModelConfig& config);
/// Generation: all T positions of a prompt at once, with logits for the last.
Pass prefill(const ModelConfig& config);
/// Generation: one new position with T - 1 cached ones.
Pass one_token(const ModelConfig& config);

/// Lists the operations of a pass in order, without tensors, for a valid config. Throws UsageError
/// if the pass has no query, more queries than keys, more keys than the context or more logits than
/// queries, or if an operation's m x k x n does not fit into 64 bits.
std::vector<ForwardOperation> forward_operations(const ModelConfig& config, const Pass& pass);

}  // namespace aero::cost
