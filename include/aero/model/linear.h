#pragma once

#include "aero/model/part.h"

namespace aero::model {

/// y = x W^T + b. Parameters are left uninitialised: initialize() (model/initialization.h) fills a
/// whole decoder in one order, from one generator.
class LinearImpl : public PartImpl {
 public:
  LinearImpl(std::int64_t in, std::int64_t out, bool with_bias);

  torch::Tensor forward(const torch::Tensor& x) override;

  torch::Tensor weight;  ///< [out, in]
  torch::Tensor bias;    ///< [out], undefined without a bias
};

using Linear = std::shared_ptr<LinearImpl>;

/// Rows of a table by index.
class EmbeddingImpl : public torch::nn::Module {
 public:
  EmbeddingImpl(std::int64_t rows, std::int64_t width);

  /// indices [...] int64 -> [..., width]
  torch::Tensor forward(const torch::Tensor& indices);

  torch::Tensor weight;  ///< [rows, width]
};

using Embedding = std::shared_ptr<EmbeddingImpl>;

}  // namespace aero::model
