#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/train/callback.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace aero::train {

/// The small files of a run folder: its config, its report, its tokenizer. A full disk does not
/// keep a run from training: what could not be written is told, and tried again with each
/// evaluation and at the end.
class RunFiles : public Callback {
 public:
  explicit RunFiles(checkpoint::RunFolder folder) : folder_(std::move(folder)) {}

  /// Makes the content when it is written.
  using Content = std::function<std::string()>;

  /// Writes the file at once, or says that it could not.
  void write(const std::filesystem::path& file, Content content);

  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  /// Throws Error that names what could not be written to the end.
  void on_finish(Trainer& trainer, Outcome outcome) override;

 private:
  void retry();

  checkpoint::RunFolder folder_;
  std::map<std::filesystem::path, Content> missing_;
};

}  // namespace aero::train
