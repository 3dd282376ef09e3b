#include "aero/model/residual_block.h"

#include <utility>

namespace aero::model {
namespace {

/// A block with a residual stream to which both branches add.
class ResidualBlockImpl : public TwoBranchBlockImpl {
 public:
  ResidualBlockImpl(const ModelConfig& config, const Place& place, const PartFactory& factory,
                    const Part& shared_activation)
      : TwoBranchBlockImpl(config, place, factory, shared_activation, config.norm) {
    if (!ffn) return;
    norm2 = norm_of(config.norm, config, place.within("norm2"), factory);
    if (!config.ffn_scaled) return;
    alpha_ =
        register_parameter("alpha", torch::full({1}, config.alpha_start()), ParameterKind::scale);
    beta_ = register_parameter("beta", torch::full({1}, config.beta_init), ParameterKind::scale);
  }

 protected:
  ops::Summed start(const torch::Tensor& x) override {
    return norm1->forward_sum(x, {}, attention->casts_input());
  }

  /// Returns h = x + branch, or x where the branch is undefined, and the FFN's branch f of it.
  std::pair<torch::Tensor, torch::Tensor> feed(const torch::Tensor& x,
                                               const torch::Tensor& branch) {
    const auto [h, n] = norm2->forward_sum(x, branch, ffn->casts_input());
    return {h, dropout->forward(ffn->forward(n))};
  }

  torch::Tensor add(const torch::Tensor& h, const torch::Tensor& f) const {
    return alpha_.defined() ? ops::scaled_sum(h, f, alpha_, beta_) : h + f;
  }

 private:
  torch::Tensor alpha_, beta_;  // [1], undefined unless the FFN is scaled
};

class SequentialBlockImpl : public ResidualBlockImpl {
 public:
  using ResidualBlockImpl::ResidualBlockImpl;

 private:
  torch::Tensor join(const torch::Tensor& x, const torch::Tensor& /*n*/,
                     const torch::Tensor& attended) override {
    const auto branch = dropout->forward(attended);
    if (!ffn) return x + branch;
    const auto [h, f] = feed(x, branch);
    return add(h, f);
  }
};

class ParallelBlockImpl : public ResidualBlockImpl {
 public:
  using ResidualBlockImpl::ResidualBlockImpl;

 private:
  torch::Tensor join(const torch::Tensor& x, const torch::Tensor& /*n*/,
                     const torch::Tensor& attended) override {
    if (!ffn) return dropout->forward(attended) + x;
    const auto [stream, f] = feed(x, /*branch=*/{});
    return add(dropout->forward(attended) + stream, f);
  }
};

}  // namespace

Block make_residual_block(const ModelConfig& config, const Place& place, const PartFactory& factory,
                          const Part& shared_activation) {
  if (config.parallel_residual) {
    return std::make_shared<ParallelBlockImpl>(config, place, factory, shared_activation);
  }
  return std::make_shared<SequentialBlockImpl>(config, place, factory, shared_activation);
}

}  // namespace aero::model
