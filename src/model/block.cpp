#include "aero/model/block.h"

#include "aero/model/ffn.h"
#include "aero/model/norm.h"

namespace aero::model {
namespace {

class SequentialBlockImpl : public BlockImpl {
 public:
  using BlockImpl::BlockImpl;

 private:
  torch::Tensor join(const torch::Tensor& x, const torch::Tensor& attended) override {
    const auto h = x + dropout->forward(attended);
    return h + dropout->forward(ffn->forward(norm2->forward(h)));
  }
};

class ParallelBlockImpl : public BlockImpl {
 public:
  using BlockImpl::BlockImpl;

 private:
  torch::Tensor join(const torch::Tensor& x, const torch::Tensor& attended) override {
    return dropout->forward(ffn->forward(norm2->forward(x))) + dropout->forward(attended) + x;
  }
};

}  // namespace

BlockImpl::BlockImpl(const ModelConfig& config, Part shared_activation) {
  const auto norm = [&] {
    return make_norm(config.norm, config.d_model, config.norm_eps, config.norm_bias);
  };
  norm1 = register_module("norm1", norm());
  attention = register_module("attention", std::make_shared<AttentionImpl>(config));
  norm2 = register_module("norm2", norm());
  ffn = register_module<PartImpl>("ffn", std::make_shared<FfnImpl>(config, shared_activation));
  dropout = register_module("dropout", make_dropout(config.dropout_residual));
}

torch::Tensor BlockImpl::forward(const torch::Tensor& x) {
  return join(x, attention->forward(norm1->forward(x)));
}

torch::Tensor BlockImpl::forward_cached(const torch::Tensor& x, LayerCache& cache) {
  return join(x, attention->forward_cached(norm1->forward(x), cache));
}

torch::Tensor BlockImpl::row_entropy(const torch::Tensor& x) {
  return attention->row_entropy(norm1->forward(x));
}

Block make_block(const ModelConfig& config, const Part& shared_activation) {
  if (config.parallel_residual) {
    return std::make_shared<ParallelBlockImpl>(config, shared_activation);
  }
  return std::make_shared<SequentialBlockImpl>(config, shared_activation);
}

}  // namespace aero::model
