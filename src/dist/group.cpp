#include "group.h"

#include "aero/core/error.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/dist/rank_lost.h"

#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <thread>
#include <utility>

namespace aero::dist {
namespace {

constexpr auto slice = std::chrono::milliseconds(250);
constexpr const char* name_key = "name/";

std::string name_of_process(int rank) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host = {"?"};
  return fmt::format("rank {} (process {} on {})", rank, ::getpid(), host.data());
}

std::string store_name(const Launch& launch) {
  return fmt::format("the store of {} at {}:{}", launch.has_store ? launch.by : "rank 0",
                     launch.address, launch.port);
}

/// c10d warns of each connection that breaks. AERO says which rank is lost, and why.
void silence_c10d() {
  FLAGS_caffe2_log_level = c10::GLOG_FATAL;
}

/// Lets the process end, when it does, without destroying what threads that still run use.
void end_without_destructors() {
  ::on_exit(
      [](int status, void*) {
        std::fflush(nullptr);
        ::_exit(status);
      },
      nullptr);
}

}  // namespace

c10::intrusive_ptr<c10d::Store> open_store(const Launch& launch, bool serves) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(launch.port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = join_patience;
  try {
    return c10::make_intrusive<c10d::TCPStore>(launch.address, options);
  } catch (const std::exception&) {
    throw Error(serves ? fmt::format("{} cannot be opened: the port may be in use; set MASTER_PORT "
                                     "to another",
                                     store_name(launch))
                       : fmt::format("{} cannot be reached; see that it has started, and that "
                                     "MASTER_ADDR and MASTER_PORT name it",
                                     store_name(launch)));
  }
}

Group::Group(const Launch& launch, torch::Device device) : launch_(launch), device_(device) {
  require_backend(device);
  if (log::verbosity() != Verbosity::verbose) silence_c10d();
  if (launch.rank == 0 && !launch.has_store) server_ = open_store(launch, /*serves=*/true);
  // Each has a connection of its own, because a call on one waits for the call before.
  const auto connect = [&] {
    return c10::make_intrusive<c10d::PrefixStore>("aero/" + launch.attempt,
                                                  open_store(launch, /*serves=*/false));
  };
  store_ = connect();
  auto names = meet();
  const auto place = store_name(launch) + " cannot be reached any more";
  auto store_fault = launch.has_store ? place : fmt::format("{} is gone: {}", names.front(), place);
  watch_ =
      std::make_unique<Watch>(connect(), launch.rank, std::move(names), std::move(store_fault));
  try {
    backend_ = make_backend(launch, device, store_);
  } catch (const std::exception& error) {
    const auto fault = watch_->await_fault();
    throw Error(fmt::format("the ranks cannot connect: {}", fault.value_or(error.what())));
  }
}

/// Waits until all ranks are there. Returns their names.
std::vector<std::string> Group::meet() {
  const auto name = name_of_process(rank());
  Watch::prepare(*store_, rank());
  store_->set(name_key + std::to_string(rank()), name);
  std::vector<std::string> names;
  for (int r = 0; r < ranks(); ++r) {
    const auto key = name_key + std::to_string(r);
    try {
      store_->wait({key}, join_patience);
    } catch (const std::exception&) {
      throw Error(fmt::format("rank {} of {} has not come to {} within {} minutes", r, ranks(),
                              store_name(launch_), join_patience.count()));
    }
    const auto text = store_->get(key);
    names.emplace_back(text.begin(), text.end());
  }
  return names;
}

Group::~Group() {
  if (has_left_) return;
  // An operation may still wait for a rank that is gone, in threads that end with the process.
  static_cast<void>(backend_.release());
  static_cast<void>(store_.release());
  static_cast<void>(server_.release());
  end_without_destructors();
}

void Group::wait(c10d::Work& work) const {
  for (;;) {
    try {
      work.wait(slice);
      return;
    } catch (const std::exception& error) {
      if (work.isCompleted()) {
        if (work.isSuccess()) return;
        const auto fault = watch_->await_fault();
        if (!fault) log::debug(error.what());
        fail(fault.value_or("the connection to another rank broke, and no rank says why"));
      }
      if (const auto fault = watch_->fault()) fail(*fault);
    }
  }
}

void Group::report_fault(const std::string& reason) noexcept {
  watch_->report(reason);
  let_others_read();
}

/// Waits where this process holds the store, in which the others read of a fault.
void Group::let_others_read() const noexcept {
  if (server_) std::this_thread::sleep_for(std::chrono::seconds(1));
}

void Group::fail(const std::string& fault) const {
  let_others_read();
  throw RankLost(fault + "; this rank stops, too. Start all ranks again with --resume");
}

void Group::leave() {
  watch_->leave();
  has_left_ = true;
  if (!server_) return;
  const auto end = std::chrono::steady_clock::now() + Watch::patience;
  while (!watch_->all_left() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace aero::dist
