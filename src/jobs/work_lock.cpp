#include "aero/jobs/work_lock.h"

#include "aero/core/error.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/jobs/output_folder.h"

#include <chrono>
#include <thread>

namespace aero::jobs {

std::optional<FileLock> lock_work(const std::filesystem::path& folder, const std::string& name) {
  using Clock = std::chrono::steady_clock;
  const auto file = folder / name;
  const auto end = Clock::now() + lock_patience;
  try {
    make_folder(folder);
    while (true) {
      if (auto lock = FileLock::attempt(file)) return lock;
      if (Clock::now() >= end) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  } catch (const Error& error) {
    log::warn(error.what());
    return std::nullopt;
  }
  throw UsageError(fmt::format(
      "{}: {} trains the runs of this folder; wait for it, stop it, or name another folder",
      folder.string(), holder_of(file)));
}

}  // namespace aero::jobs
