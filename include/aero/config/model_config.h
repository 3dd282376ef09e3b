#pragma once

#include <cstdint>

namespace aero {

enum class Family { gpt2, pythia };
enum class NormKind { layernorm, rmsnorm, none };
enum class ActivationKind { gelu, gelu_tanh, relu, leaky_relu, none };
/// Who owns the negative slope of a leaky ReLU: nobody (a constant), each layer, or the model.
enum class LeakySlope { fixed, layer, model };
/// Which linear layers of a block have a bias: all of them, none, or the queries and keys alone
/// (the authors' public code).
enum class BiasSet { all, none, qk };
/// Initial std: `init_std` itself, or 1/sqrt(d_model).
enum class InitRule { fixed, width };

/// A decoder in the papers' notation: L = n_layer, H = n_head, d = d_model, d_k = d / H, T =
/// context.
struct ModelConfig {
  Family family = Family::gpt2;
  std::int64_t n_layer = 12;
  std::int64_t n_head = 12;
  std::int64_t d_model = 768;
  std::int64_t d_ffn = 0;      ///< 0: 4 d_model
  std::int64_t context = 128;  ///< T
  std::int64_t positions = 0;  ///< rows of the learned position table (gpt2); 0: context
  std::int64_t vocab_size = 50257;

  NormKind norm = NormKind::layernorm;  ///< both norms of every block
  bool final_norm = true;               ///< the norm before the head, of final_norm_kind()
  bool norm_bias = true;
  double norm_eps = 1e-5;

  ActivationKind activation = ActivationKind::gelu_tanh;
  LeakySlope leaky_slope = LeakySlope::layer;
  double leaky_init = 0.01;

  BiasSet biases = BiasSet::all;
  bool tied_head = true;
  bool parallel_residual = false;  ///< x + attention(norm1(x)) + ffn(norm2(x))
  double rotary_fraction = 0.25;   ///< share of d_k that is rotated (pythia)
  double rotary_base = 10000;

  double dropout_embedding = 0;
  double dropout_attention = 0;
  double dropout_residual = 0;

  InitRule init = InitRule::fixed;
  double init_std = 0.02;
  bool residual_scaling = true;  ///< output projections of both branches start at std / sqrt(2 L)

  std::int64_t d_head() const { return d_model / n_head; }
  std::int64_t ffn_width() const { return d_ffn != 0 ? d_ffn : 4 * d_model; }
  /// The blocks' kind; LayerNorm where the blocks have none (the authors' ln_f); none when off.
  NormKind final_norm_kind() const {
    if (!final_norm) return NormKind::none;
    return norm == NormKind::none ? NormKind::layernorm : norm;
  }
  std::int64_t position_rows() const { return positions != 0 ? positions : context; }
  /// How many leading dimensions of a head the rotary embedding turns: d_k * rotary_fraction,
  /// rounded down as GPT-NeoX does. Throws UsageError where that is odd or 0, for dimensions turn
  /// in pairs.
  std::int64_t rotary_dimensions() const;

  bool operator==(const ModelConfig&) const = default;
};

}  // namespace aero
