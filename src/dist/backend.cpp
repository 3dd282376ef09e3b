#include "aero/core/error.h"
#include "aero/core/text.h"

#include "group.h"

#ifdef AERO_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#endif
#ifdef AERO_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#ifdef AERO_GLOO
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#endif

namespace aero::dist {
namespace {

/// An operation waits as long as the others need, such as for rank 0 to save a checkpoint. Ranks
/// that die are noticed by the watch.
[[maybe_unused]] constexpr std::chrono::hours operation_patience{24 * 365};
[[maybe_unused]] constexpr std::chrono::minutes connect_patience{1};

#ifdef AERO_GLOO

/// Returns the address by which this machine reaches another; empty where it cannot be found.
std::string address_towards(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return "";
  std::string address;
  for (const auto* to = found; to != nullptr && address.empty(); to = to->ai_next) {
    const int socket = ::socket(to->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (socket < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    std::array<char, NI_MAXHOST> name{};
    // A datagram socket sends nothing when it connects.
    if (::connect(socket, to->ai_addr, to->ai_addrlen) == 0 &&
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), length, name.data(), name.size(), nullptr,
                      0, NI_NUMERICHOST) == 0) {
      address = name.data();
    }
    ::close(socket);
  }
  ::freeaddrinfo(found);
  return address;
}

std::shared_ptr<::gloo::transport::Device> gloo_device(const Launch& launch) {
  using Gloo = c10d::ProcessGroupGloo;
  if (const char* name = std::getenv("GLOO_SOCKET_IFNAME"); name != nullptr && *name != '\0') {
    return Gloo::createDeviceForInterface(name);
  }
  const auto address = address_towards(launch.address, launch.port);
  return address.empty() ? Gloo::createDefaultDevice() : Gloo::createDeviceForHostname(address);
}

c10::intrusive_ptr<c10d::Backend> make_gloo(const Launch& launch,
                                            const c10::intrusive_ptr<c10d::Store>& store) {
  auto options = c10d::ProcessGroupGloo::Options::create();
  options->devices = {gloo_device(launch)};
  options->timeout = connect_patience;
  auto gloo =
      c10::make_intrusive<c10d::ProcessGroupGloo>(store, launch.rank, launch.ranks, options);
  gloo->setTimeout(operation_patience);
  return gloo;
}

#endif

}  // namespace

void require_backend([[maybe_unused]] torch::Device device) {
#ifdef AERO_GLOO
  if (device.is_cpu()) return;
#endif
#ifdef AERO_NCCL
  if (device.is_cuda()) return;
#endif
  throw UsageError(fmt::format(
      "several processes cannot train on {}: this AERO was built without {} (docs/distributed.md)",
      device.str(),
      device.is_cpu() ? "gloo; build it where Debian's libgloo-dev is installed"
                      : "NCCL; build it with a LibTorch that has NCCL, and NCCL's headers"));
}

c10::intrusive_ptr<c10d::Backend> make_backend(
    [[maybe_unused]] const Launch& launch, [[maybe_unused]] torch::Device device,
    [[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store) {
#ifdef AERO_GLOO
  if (device.is_cpu()) return make_gloo(launch, store);
#endif
#ifdef AERO_NCCL
  if (device.is_cuda()) {
    return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, launch.rank, launch.ranks);
  }
#endif
  require_backend(device);
  return {};
}

}  // namespace aero::dist
