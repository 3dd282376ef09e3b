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

torch::Tensor PartImpl::forward_cast(const torch::Tensor& x) {
  return ops::to_autocast_dtype(forward(x));
}

Part make_dropout(double p) {
  if (p == 0) return std::make_shared<AbsentImpl>();
  return std::make_shared<DropoutImpl>(p);
}

}  // namespace aero::model
