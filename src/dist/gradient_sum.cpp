#include "aero/dist/gradient_sum.h"

#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <map>
#include <utility>

namespace aero::dist {
namespace {

using torch::autograd::impl::set_post_acc_grad_hooks;

/// Calls a function when the gradient of a parameter is complete.
class OnGradient : public torch::autograd::PostAccumulateGradHook {
 public:
  explicit OnGradient(std::function<void()> call) : call_(std::move(call)) {}
  void operator()(const torch::Tensor& /*parameter*/) override { call_(); }

 private:
  std::function<void()> call_;
};

/// A parameter's place in a bucket.
struct Place {
  torch::Tensor parameter;
  torch::Tensor room;      // in the shape of the parameter
  torch::Tensor presence;  // [1]: how many ranks have a gradient
  bool is_filled = false;
};

/// A flat tensor of gradients, and behind them of counts.
struct Bucket {
  std::vector<Place> places;
  torch::Tensor flat;
  torch::Tensor presences;
  std::size_t missing = 0;  // places that wait for their gradient
  std::function<void()> wait;
};

}  // namespace

class GradientSum::Buckets {
 public:
  Buckets(Communicator communicator, const std::vector<torch::Tensor>& parameters,
          torch::ScalarType dtype, std::int64_t bucket_bytes)
      : communicator_(std::move(communicator)) {
    std::vector<torch::Tensor> group;
    std::int64_t bytes = 0;
    for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
      const bool differs =
          !group.empty() && (group.front().scalar_type() != parameter->scalar_type() ||
                             group.front().device() != parameter->device());
      if (differs || bytes >= bucket_bytes) {
        add(std::exchange(group, {}), dtype);
        bytes = 0;
      }
      group.push_back(*parameter);
      bytes += static_cast<std::int64_t>(parameter->nbytes());
    }
    if (!group.empty()) add(std::move(group), dtype);
  }

  std::vector<Bucket>& all() { return buckets_; }

  void begin() {
    is_armed_ = true;
    sent_ = 0;
    for (auto& bucket : buckets_) {
      bucket.missing = bucket.places.size();
      for (auto& place : bucket.places) place.is_filled = false;
    }
  }

  void take(std::size_t bucket, std::size_t place) {
    if (!is_armed_) return;
    fill(buckets_[bucket], buckets_[bucket].places[place]);
    send_full();
  }

  void finish() {
    for (auto& bucket : buckets_) {
      for (auto& place : bucket.places) {
        if (!place.is_filled) fill(bucket, place);  // its gradient is of an earlier pass, or none
      }
    }
    send_full();
    is_armed_ = false;
    for (auto& bucket : buckets_) {
      std::exchange(bucket.wait, {})();
      hand_out(bucket);
    }
  }

 private:
  void add(std::vector<torch::Tensor> parameters, torch::ScalarType dtype) {
    Bucket bucket;
    std::int64_t numbers = 0;
    for (const auto& parameter : parameters) numbers += parameter.numel();
    const auto count = static_cast<std::int64_t>(parameters.size());
    const auto& first = parameters.front();
    const bool narrows = c10::elementSize(dtype) < c10::elementSize(torch::kFloat32);
    bucket.flat =
        torch::zeros({numbers + count},
                     torch::device(first.device()).dtype(narrows ? dtype : first.scalar_type()));
    bucket.presences = bucket.flat.narrow(0, numbers, count);
    std::int64_t at = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto& parameter = parameters[static_cast<std::size_t>(i)];
      bucket.places.push_back({parameter,
                               bucket.flat.narrow(0, at, parameter.numel()).view(parameter.sizes()),
                               bucket.presences.narrow(0, i, 1)});
      at += parameter.numel();
    }
    buckets_.push_back(std::move(bucket));
  }

  void fill(Bucket& bucket, Place& place) {
    const torch::NoGradGuard no_grad;
    auto& gradient = place.parameter.mutable_grad();
    place.presence.fill_(gradient.defined() ? 1 : 0);
    if (gradient.defined()) {
      place.room.copy_(gradient);
      if (is_gradient(place)) gradient = place.room;  // frees the other
    } else {
      place.room.zero_();
    }
    place.is_filled = true;
    --bucket.missing;
  }

  /// Sends full buckets in their order, which is the same on all ranks.
  void send_full() {
    for (; sent_ < buckets_.size() && buckets_[sent_].missing == 0; ++sent_) {
      buckets_[sent_].wait = communicator_.start_sum(buckets_[sent_].flat);
    }
  }

  /// Whether the place itself can be the parameter's gradient.
  static bool is_gradient(const Place& place) {
    return place.room.scalar_type() == place.parameter.scalar_type() &&
           place.parameter.is_contiguous();
  }

  static void hand_out(Bucket& bucket) {
    const torch::NoGradGuard no_grad;
    const auto presences = bucket.presences.to(torch::kCPU, torch::kFloat32);
    for (std::size_t i = 0; i < bucket.places.size(); ++i) {
      auto& place = bucket.places[i];
      if (presences[static_cast<std::int64_t>(i)].item<float>() == 0) continue;
      auto& gradient = place.parameter.mutable_grad();
      if (is_gradient(place)) {
        gradient = place.room;
      } else {
        if (!gradient.defined()) gradient = torch::empty_like(place.parameter);
        gradient.copy_(place.room);
      }
    }
  }

  Communicator communicator_;
  std::vector<Bucket> buckets_;
  std::size_t sent_ = 0;
  bool is_armed_ = false;
};

GradientSum::GradientSum(Communicator communicator, std::vector<torch::Tensor> parameters,
                         torch::ScalarType dtype, std::int64_t bucket_bytes)
    : buckets_(
          std::make_shared<Buckets>(std::move(communicator), parameters, dtype, bucket_bytes)) {
  auto& buckets = buckets_->all();
  for (std::size_t b = 0; b < buckets.size(); ++b) {
    for (std::size_t p = 0; p < buckets[b].places.size(); ++p) {
      set_post_acc_grad_hooks(
          buckets[b].places[p].parameter,
          std::make_unique<OnGradient>([buckets = buckets_.get(), b, p] { buckets->take(b, p); }));
    }
  }
}

GradientSum::~GradientSum() {
  for (const auto& bucket : buckets_->all()) {
    for (const auto& place : bucket.places) set_post_acc_grad_hooks(place.parameter, nullptr);
  }
}

void GradientSum::begin() {
  buckets_->begin();
}

void GradientSum::finish() {
  buckets_->finish();
}

}  // namespace aero::dist
