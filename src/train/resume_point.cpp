#include "aero/train/resume_point.h"

#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/runs/layout.h"
#include "aero/train/resume.h"

#include <filesystem>
#include <utility>

namespace aero::train {
namespace {

/// Throws Error where a file cannot be opened: that is no damage, and may be mended.
void require_readable(const std::filesystem::path& folder) {
  for (const auto* const name : runs::checkpoint_files) RandomAccessFile(folder / name);
}

std::string incompleteness(const std::filesystem::path& folder) {
  std::string names;
  for (const auto& name : runs::missing_files(folder)) {
    names += (names.empty() ? "" : ", ") + name;
  }
  return fmt::format("'{}' lacks {}", folder.string(), names);
}

checkpoint::Checkpoint load(const std::filesystem::path& folder, const RunConfig& config) {
  checkpoint::check_config(folder);
  const auto begun = checkpoint::load_checkpoint_config(folder);
  check_resume(begun, config);
  auto checkpoint = checkpoint::load_checkpoint(folder);
  // Without float16, the checkpoint has no scale that was in use.
  if (begun.train.dtype != Precision::float16) checkpoint.state.loss_scale.reset();
  return checkpoint;
}

}  // namespace

ResumePoint find_resume_point(const checkpoint::RunFolder& folder, const RunConfig& config) {
  ResumePoint point;
  const auto steps = folder.steps();
  for (auto step = steps.rbegin(); step != steps.rend() && !point.checkpoint; ++step) {
    const auto path = folder.checkpoint(*step);
    require_readable(path);
    try {
      point.checkpoint = load(path, config);
      point.step = *step;
    } catch (const UsageError&) {
      throw;  // the files are whole, and say that the run is another or of another version
    } catch (const Error& error) {
      point.damaged.push_back({*step, error.what()});
    }
  }
  if (!steps.empty() && !point.checkpoint) {
    throw Error(
        fmt::format("{}; {} has no checkpoint that is whole: begin anew, in another run.folder",
                    point.damaged.front().fault, folder.root().string()));
  }
  for (const auto step : folder.incomplete_steps()) {
    if (step > point.step) point.damaged.push_back({step, incompleteness(folder.checkpoint(step))});
  }
  return point;
}

void set_aside(const ResumePoint& point, const checkpoint::RunFolder& folder) {
  for (const auto& [step, fault] : point.damaged) {
    const auto kept = folder.set_aside(step);
    log::warn(fmt::format("{}; that checkpoint is kept as {}, and the run goes on from step {}",
                          fault, kept.string(), point.step));
  }
}

}  // namespace aero::train
