#include "aero/dist/communicator.h"

#include "aero/core/log.h"

#include "group.h"

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdint>
#include <cstring>
#include <utility>

namespace aero::dist {
namespace {

torch::Tensor tensor_of(const std::string& text) {
  auto tensor = torch::empty({static_cast<std::int64_t>(text.size())}, torch::kUInt8);
  if (!text.empty()) std::memcpy(tensor.data_ptr(), text.data(), text.size());
  return tensor;
}

std::string text_of(const torch::Tensor& tensor) {
  const auto here = tensor.cpu().contiguous();
  return {static_cast<const char*>(here.data_ptr()), static_cast<std::size_t>(here.numel())};
}

}  // namespace

Communicator::Communicator(const Launch& launch, torch::Device device)
    : group_(std::make_shared<Group>(launch, device)) {}

int Communicator::rank() const {
  return is_alone() ? 0 : group_->rank();
}

int Communicator::ranks() const {
  return is_alone() ? 1 : group_->ranks();
}

void Communicator::sum(const torch::Tensor& x) const {
  start_sum(x)();
}

std::function<void()> Communicator::start_sum(const torch::Tensor& x) const {
  if (is_alone()) return [] {};
  std::vector<torch::Tensor> tensors{x};
  auto work = group_->backend().allreduce(tensors, {});
  return [group = group_, work = std::move(work)] { group->wait(*work); };
}

void Communicator::broadcast(const torch::Tensor& x, int from) const {
  if (is_alone()) return;
  std::vector<torch::Tensor> tensors{x.contiguous()};
  c10d::BroadcastOptions options;
  options.rootRank = from;
  group_->wait(*group_->backend().broadcast(tensors, options));
  if (!x.is_contiguous()) x.copy_(tensors.front());
}

std::string Communicator::broadcast(const std::string& text) const {
  if (is_alone()) return text;
  const auto options = torch::device(group_->device());
  auto length =
      torch::full({1}, static_cast<std::int64_t>(text.size()), options.dtype(torch::kInt64));
  broadcast(length);
  if (length.item<std::int64_t>() == 0) return "";
  auto content = leads()
                     ? tensor_of(text).to(group_->device())
                     : torch::empty({length.item<std::int64_t>()}, options.dtype(torch::kUInt8));
  broadcast(content);
  return text_of(content);
}

void Communicator::gather(const torch::Tensor& x) const {
  if (is_alone()) return;
  std::vector<std::vector<torch::Tensor>> rows{x.unbind()};
  std::vector<torch::Tensor> own{x[rank()].clone()};
  group_->wait(*group_->backend().allgather(rows, own, {}));
}

std::vector<std::string> Communicator::gather(const std::string& text) const {
  if (is_alone()) return {text};
  auto lengths = torch::zeros({ranks(), 1}, torch::device(group_->device()).dtype(torch::kInt64));
  lengths[rank()].fill_(static_cast<std::int64_t>(text.size()));
  gather(lengths);
  const auto longest = std::max<std::int64_t>(1, lengths.max().item<std::int64_t>());
  auto all = torch::zeros({ranks(), longest}, torch::device(group_->device()).dtype(torch::kUInt8));
  all[rank()].narrow(0, 0, static_cast<std::int64_t>(text.size())).copy_(tensor_of(text));
  gather(all);
  std::vector<std::string> texts;
  for (int r = 0; r < ranks(); ++r) {
    texts.push_back(text_of(all[r].narrow(0, 0, lengths[r].item<std::int64_t>())));
  }
  return texts;
}

void Communicator::report_fault(const std::string& reason) const noexcept {
  if (!is_alone()) group_->report_fault(reason);
}

void Communicator::leave() const {
  if (is_alone()) return;
  auto all_here = torch::zeros({1}, torch::device(group_->device()));
  sum(all_here);
  static_cast<void>(all_here.item<float>());  // waits on a GPU
  group_->leave();
}

class StoreServer::Store {
 public:
  c10::intrusive_ptr<c10d::TCPStore> server;
};

StoreServer::StoreServer() : store_(std::make_unique<Store>()) {
  c10d::TCPStoreOptions options;
  options.port = 0;
  options.isServer = true;
  options.waitWorkers = false;
  store_->server = c10::make_intrusive<c10d::TCPStore>("127.0.0.1", options);
}

StoreServer::~StoreServer() = default;

int StoreServer::port() const {
  return store_->server->getPort();
}

}  // namespace aero::dist
