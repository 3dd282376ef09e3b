#pragma once

#include "aero/dist/communicator.h"

#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace aero::test {

/// Lets each rank of a group do `work`, in a thread of this process. Then throws what a rank threw.
inline void on_ranks(int ranks, const std::function<void(const dist::Communicator&)>& work) {
  const dist::StoreServer store;
  std::vector<std::exception_ptr> faults(static_cast<std::size_t>(ranks));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      try {
        const dist::Launch launch{.by = "a test",
                                  .rank = rank,
                                  .ranks = ranks,
                                  .local_rank = rank,
                                  .address = "127.0.0.1",
                                  .port = store.port(),
                                  .has_store = true};
        const dist::Communicator communicator(launch, torch::kCPU);
        work(communicator);
        communicator.leave();
      } catch (...) {
        faults[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
}

}  // namespace aero::test
