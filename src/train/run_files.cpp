#include "aero/train/run_files.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"

#include <utility>

namespace aero::train {

void RunFiles::write(const std::filesystem::path& file, Content content) {
  try {
    write_file(file, content());
  } catch (const Error& error) {
    log::warn(fmt::format("{}; training goes on, and writes the file later", error.what()));
    missing_[file] = std::move(content);
  }
}

void RunFiles::on_evaluation(Trainer& /*trainer*/, const Evaluation& /*evaluation*/) {
  retry();
}

void RunFiles::on_finish(Trainer& /*trainer*/, Outcome /*outcome*/) {
  retry();
  if (missing_.empty()) return;
  throw Error(fmt::format("{}: could not be written; make room on the disk and go on with --resume",
                          missing_.begin()->first.string()));
}

void RunFiles::retry() {
  if (!missing_.empty()) folder_.require_held();
  std::erase_if(missing_, [](const auto& entry) {
    try {
      write_file(entry.first, entry.second());
      return true;
    } catch (const Error&) {
      return false;  // write() has reported it
    }
  });
}

}  // namespace aero::train
