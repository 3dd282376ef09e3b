#pragma once

#include "aero/config/model_config.h"
#include "aero/model/part.h"

#include <cstdint>

namespace aero::model {

/// Computes y = x W^T + b. Parameters are NaN until initialize() (model/initialization.h) fills the
/// whole decoder, in one order and from one generator.
class LinearImpl : public PartImpl {
 public:
  /// `kind` is the kind of the matrix.
  LinearImpl(std::int64_t in, std::int64_t out, bool with_bias,
             ParameterKind kind = ParameterKind::matrix);

  torch::Tensor forward(const torch::Tensor& x) override;
  /// Returns W [out, in]. A normalised layer computes it from its parameters.
  virtual torch::Tensor matrix() { return weight; }

  torch::Tensor weight;  ///< [out, in]
  torch::Tensor bias;    ///< [out], undefined without a bias
};

using Linear = std::shared_ptr<LinearImpl>;

/// Weight normalisation (arXiv 1602.07868): W = gain weight / |weight|, by output row.
class WeightNormLinearImpl : public LinearImpl {
 public:
  WeightNormLinearImpl(std::int64_t in, std::int64_t out, bool with_bias, ParameterKind kind);

  torch::Tensor matrix() override;
  /// Sets the gain to the rows' norms, so that W is `weight`.
  void start();

  torch::Tensor gain;  ///< [out]
};

/// Spectral normalisation (arXiv 1802.05957): W = weight / sigma, where sigma is the largest
/// singular value, with the singular vectors u and v. In training, each forward pass first takes
/// one step of the power iteration, as torch.nn.utils.parametrizations.spectral_norm does.
class SpectralNormLinearImpl : public LinearImpl {
 public:
  SpectralNormLinearImpl(std::int64_t in, std::int64_t out, bool with_bias, ParameterKind kind);

  torch::Tensor matrix() override;
  /// Draws u and v and takes 15 steps of the power iteration.
  void start(const torch::Generator& generator);

  torch::Tensor u;  ///< [out], a buffer
  torch::Tensor v;  ///< [in], a buffer

 private:
  void iterate();
};

Linear make_linear(std::int64_t in, std::int64_t out, bool with_bias, WeightForm form,
                   ParameterKind kind = ParameterKind::matrix);

/// Looks up rows of a table by index. The table is NaN until initialize().
class EmbeddingImpl : public ModuleImpl {
 public:
  EmbeddingImpl(std::int64_t rows, std::int64_t width);

  /// Maps indices [...] int64 to rows [..., width].
  torch::Tensor forward(const torch::Tensor& indices) const;
  /// Does the same where the weight gets a gradient from the head, too: on the CPU, that from here
  /// is added to it row by row, without a matrix of its own.
  torch::Tensor forward_beside_head(const torch::Tensor& indices) const;

  torch::Tensor weight;  ///< [rows, width]
};

using Embedding = std::shared_ptr<EmbeddingImpl>;

}  // namespace aero::model
