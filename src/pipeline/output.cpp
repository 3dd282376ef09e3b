#include "output.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/jobs/output_folder.h"

namespace aero::pipeline {

namespace fs = std::filesystem;

std::vector<std::string> write_all(const std::vector<OutputFile>& files) {
  std::vector<std::string> faults;
  for (const auto& [path, content] : files) {
    try {
      write_file(path, content);
    } catch (const Error& error) {
      faults.emplace_back(error.what());
    }
  }
  return faults;
}

std::optional<FileLock> wait_for_tables(const fs::path& folder, const std::string& name,
                                        std::vector<std::string>& faults) {
  try {
    jobs::make_folder(folder);
    return FileLock::wait(folder / ("." + name + ".lock"));
  } catch (const Error& error) {
    faults.emplace_back(error.what());
    return std::nullopt;
  }
}

}  // namespace aero::pipeline
