#pragma once

#include "aero/checkpoint/run_folder.h"
#include "aero/train/callback.h"

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>

namespace aero::train {

/// Writes the small files of a run folder: its config, its report, its tokenizer. A full disk does
/// not stop training: a file that cannot be written is reported, and written later, after an
/// evaluation or at the end.
class RunFiles : public Callback {
 public:
  explicit RunFiles(checkpoint::RunFolder folder) : folder_(std::move(folder)) {}

  /// Makes the content of a file when the file is written.
  using Content = std::function<std::string()>;

  /// Writes the file now, or logs a warning and writes it later.
  void write(const std::filesystem::path& file, Content content);

  void on_evaluation(Trainer& trainer, const Evaluation& evaluation) override;
  /// Throws an Error that names a file which still cannot be written.
  void on_finish(Trainer& trainer, Outcome outcome) override;

 private:
  void retry();

  checkpoint::RunFolder folder_;
  std::map<std::filesystem::path, Content> missing_;
};

}  // namespace aero::train
