#include "progress.h"

#include "aero/core/log.h"

namespace aero::pipeline {

void tell_end(const JobResult& result, const std::string& text,
              const std::function<void()>& write_tables) {
  if (result.end == JobEnd::failed) {
    log::error(text);
  } else if (result.end == JobEnd::finished) {
    log::info(text);
  } else {
    log::warn(text);
  }
  if (!result.trained) return;
  try {
    write_tables();
  } catch (const std::exception& error) {
    log::warn(std::string("the tables could not be written: ") + error.what());
  }
}

}  // namespace aero::pipeline
