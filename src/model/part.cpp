#include "aero/model/part.h"

#include "aero/ops/autocast.h"

namespace aero::model {
namespace {

class DropoutImpl : public PartImpl {
 public:
  explicit DropoutImpl(double p) : p_(p) {}

  torch::Tensor forward(const torch::Tensor& x) override {
    return torch::dropout(x, p_, is_training());
  }

 private:
  double p_;
};

}  // namespace

ops::Summed PartImpl::forward_sum(const torch::Tensor& x, const torch::Tensor& branch, bool cast) {
  const auto sum = branch.defined() ? x + branch : x;
  const auto y = forward(sum);
  return {sum, cast ? ops::to_autocast_dtype(y) : y};
}

ops::Summed AbsentImpl::forward_sum(const torch::Tensor& x, const torch::Tensor& branch,
                                    bool cast) {
  return cast ? ops::cast_of_sum(x, branch) : PartImpl::forward_sum(x, branch, cast);
}

Part make_dropout(double p) {
  if (p == 0) return std::make_shared<AbsentImpl>();
  return std::make_shared<DropoutImpl>(p);
}

}  // namespace aero::model
