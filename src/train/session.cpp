#include "aero/train/session.h"

#include "aero/checkpoint/run_folder.h"
#include "aero/config/loader.h"
#include "aero/core/error.h"
#include "aero/core/files.h"
#include "aero/core/log.h"
#include "aero/cost/flops.h"
#include "aero/ops/gemm_rate.h"
#include "aero/report/report.h"
#include "aero/train/checkpoint_writer.h"
#include "aero/train/console.h"
#include "aero/train/entropy_watch.h"
#include "aero/train/evaluator.h"
#include "aero/train/metrics_writer.h"
#include "aero/train/nonfinite_guard.h"
#include "aero/train/open_corpus.h"
#include "aero/train/signal_watch.h"
#include "aero/train/trainer.h"
#include "aero/train/warm_start.h"

#include <ATen/Parallel.h>
#include <ATen/cpu/Utils.h>

namespace aero::train {
namespace {

checkpoint::RunFolder find_folder(const RunConfig& config, bool resume) {
  if (config.run.folder.empty()) {
    throw UsageError("run.folder: \"\": name a folder for the run (--set run.folder=FOLDER)");
  }
  checkpoint::RunFolder folder(config.run.folder);
  if (!resume && std::filesystem::exists(folder.config_file())) {
    throw UsageError(folder.root().string() +
                     ": already holds a run; go on with --resume, or name another folder with "
                     "--set run.folder=FOLDER");
  }
  return folder;
}

std::optional<checkpoint::Checkpoint> latest_checkpoint(const checkpoint::RunFolder& folder,
                                                        const RunConfig& config) {
  const auto latest = folder.latest();
  if (!latest) return std::nullopt;
  if (checkpoint::load_checkpoint_config(*latest).model != config.model) {
    throw UsageError(latest->string() +
                     ": holds another model than the config's section \"model\"; resume with the "
                     "config in the run folder, or name another run.folder");
  }
  try {
    return checkpoint::load_checkpoint(*latest);
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + "; remove " + latest->string() +
                " to resume from the checkpoint before it");
  }
}

void write_report(const checkpoint::RunFolder& folder, const RunConfig& config) {
  const auto report = report::make_report(config);
  write_file(folder.root() / "report.json", report::to_json(report));
  write_file(folder.root() / "report.md", report::to_markdown(report));
}

/// The run keeps the tokenizer, so that it can be sampled from when the corpus is gone.
void keep_tokenizer(const checkpoint::RunFolder& folder, const data::Corpus& corpus) {
  const auto& tokenizer = corpus.tokenizer();
  if (!tokenizer) return;
  write_file(folder.root() / tokenizer->path.filename(), read_file(tokenizer->path));
}

void warn_of_slow_precision(const RunConfig& config, torch::Device device) {
  if (config.train.dtype != Precision::bfloat16 || !device.is_cpu()) return;
  const auto features = at::cpu::get_cpu_capabilities();
  const auto has = [&](const char* name) {
    const auto found = features.find(name);
    return found != features.end() && found->second.toBool();
  };
  if (has("avx512_bf16") || has("amx_bf16")) return;
  log::warn(
      "train.dtype: bfloat16: this processor has no instructions for it; float32 may be faster");
}

void log_warm_start(const WarmStart& start) {
  const auto list = [](const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) text += " " + name;
    return text.empty() ? std::string(" none") : text;
  };
  log::info("warm start; begun anew:" + list(start.fresh));
  log::info("warm start; left out:" + list(start.unused));
}

/// 0 where nobody looks: the measurement takes half a second.
double peak_flops(const Trainer& trainer, torch::Device device) {
  if (log::verbosity() == Verbosity::quiet) return 0;
  const auto dtype = scalar_type(trainer.config().train.dtype);
  return ops::gemm_rate(dtype, device, device.is_cuda() ? 8192 : 2048, 0.5);
}

}  // namespace

Outcome run_session(const RunConfig& config, bool resume) {
  SignalWatch signals;
  if (config.train.threads > 0) at::set_num_threads(static_cast<int>(config.train.threads));
  const auto folder = find_folder(config, resume);
  const auto checkpoint = resume ? latest_checkpoint(folder, config) : std::nullopt;
  const auto held_out = std::make_shared<const data::Corpus>(open_corpus(config, "val"));
  Trainer trainer(config, open_corpus(config, "train"));
  std::optional<WarmStart> start;
  if (checkpoint) {
    trainer.restore(*checkpoint);
  } else if (!config.train.warm_start.empty()) {
    start = warm_start(*trainer.decoder(), config.train.warm_start);
  }

  folder.prepare(config);
  log::open_file(folder.log_file());
  if (start) log_warm_start(*start);
  warn_of_slow_precision(config, trainer.decoder()->device());
  keep_tokenizer(folder, trainer.corpus());
  write_report(folder, config);

  const auto flops = static_cast<double>(cost::training_flops_per_step(config));
  trainer.add(std::make_unique<NonfiniteGuard>());
  trainer.add(std::make_unique<MetricsWriter>(folder.metrics_file()));
  trainer.add(std::make_unique<Console>(flops, peak_flops(trainer, trainer.decoder()->device())));
  const auto proceed = [&signals] { return !signals.pending(); };
  trainer.add(std::make_unique<EntropyWatch>(held_out, proceed));
  trainer.add(std::make_unique<Evaluator>(held_out, proceed));
  trainer.add(std::make_unique<CheckpointWriter>(folder));
  trainer.add(std::make_unique<StopOnSignal>(signals));
  const auto outcome = trainer.run();
  log::close_file();
  return outcome;
}

}  // namespace aero::train
