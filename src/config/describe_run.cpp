#include "aero/config/fields.h"

#include "field_makers.h"

#include <utility>

namespace aero {
namespace {

Section describe_top(RunConfig& c) {
  return {
      "",
      "Keys outside every section.",
      {
          {"$schema", "The path of the JSON Schema of this language, for editors.", LoaderKey{}},
          {"extends",
           "Another config, relative to this file. Its keys apply where this file has none.",
           LoaderKey{}},
          {"seed", "Decides initial weights, dropout and the order of the data.", &c.seed,
           at_least(0)},
      }};
}

Section describe_run_folder(RunFolderConfig& r) {
  return {"run",
          "The run's folder.",
          {
              {"run.folder",
               "Folder of the config, metrics and checkpoints; empty: runs/ and the config file's "
               "name.",
               &r.folder},
          }};
}

Section describe_data(DataConfig& d) {
  return {
      "data",
      "The corpus.",
      {
          {"data.path", "Folder written by prepare_corpus.py, or one with train*.bin and val*.bin.",
           &d.path},
          {"data.format", "Format of the token files; auto looks into the folder.",
           enum_ref(d.format)},
          {"data.verify", "Check the checksum and the token range of every file before training.",
           &d.verify},
      }};
}

Section describe_train(TrainConfig& t) {
  return {"train",
          "The loop.",
          {
              {"train.duration", "Length of the training.", &t.duration, above(0)},
              {"train.batch_size",
               "Sequences of T tokens in one forward pass, of all processes together.",
               &t.batch_size, between(1, 1'000'000)},
              {"train.accumulation", "Forward passes whose gradients make one optimizer step.",
               &t.accumulation, between(1, 1'000'000)},
              {"train.dtype",
               "Precision of the matrix products; the weights and their updates stay float32.",
               enum_ref(t.dtype)},
              {"train.device", "auto, cpu, cuda or cuda:N; auto is the first GPU if there is one.",
               &t.device},
              {"train.tf32",
               "Compute float32 products on a GPU in TensorFloat-32: faster, with 10 bits of "
               "precision instead of 23. Products under bfloat16 and float16 do not change.",
               &t.tf32},
              {"train.deterministic",
               "Use GPU kernels that give the same bits each time, on one kind of GPU and one "
               "build, also across a resume; slower. The CPU gives the same bits anyway.",
               &t.deterministic},
              {"train.cuda_graphs",
               "Record a step's forward and backward pass on a GPU as a CUDA graph, and replay it "
               "in every step. This makes small models faster, which otherwise wait for the CPU to "
               "launch each kernel. Needs a build with AERO's CUDA kernels.",
               &t.cuda_graphs},
              {"train.threads", "CPU threads; 0: as many as LibTorch chooses.", &t.threads,
               between(0, 4096)},
              {"train.gradient_sum",
               "Precision in which several processes sum their gradients (docs/distributed.md): "
               "float32, or bfloat16, which sends half the bytes and rounds every gradient.",
               enum_ref(t.gradient_sum)},
              {"train.shard_optimizer",
               "Let each of several processes keep and update its share of the optimizer's moments "
               "only. The numbers stay the same.",
               &t.shard_optimizer},
              {"train.clip", "Largest norm of the whole gradient; 0: no clipping.", &t.clip,
               at_least(0)},
              {"train.on_nonfinite",
               "What happens, before the update, when the loss or the gradient has a NaN or an "
               "infinity: stop the run; skip the step; or rewind: go back to the last checkpoint, "
               "and on with the data that follow.",
               enum_ref(t.on_nonfinite)},
              {"train.rewinds",
               "How often on_nonfinite goes back in a run; after that, it stops the run.",
               &t.rewinds, at_least(0)},
              {"train.warm_start",
               "Run or checkpoint folder whose weights the run begins with, where they fit; all "
               "others are initialised. Empty: all weights are initialised.",
               &t.warm_start},
              {"train.other_tokenizer",
               "Train even if token ids change their meaning, because the corpus's tokens come "
               "from another tokenizer than that of the model of train.warm_start, of a pipeline's "
               "loaded baseline, or of the tokenizer file beside the corpus.",
               &t.other_tokenizer},
          }};
}

Section describe_optimizer(OptimizerConfig& o) {
  const Range momentum{.low = 0, .high = 1, .high_open = true};
  return {
      "optimizer",
      "AdamW, or Adam, whose decay is part of the gradient.",
      {
          {"optimizer.name", "The algorithm.", enum_ref(o.name)},
          {"optimizer.lr", "Learning rate after warm-up.", &o.lr, above(0)},
          {"optimizer.beta1", "Decay of the gradient's running mean.", &o.beta1, momentum},
          {"optimizer.beta2", "Decay of the squared gradient's running mean.", &o.beta2, momentum},
          {"optimizer.eps", "Added to the root of the squared gradient's mean.", &o.eps, above(0)},
          {"optimizer.weight_decay", "Strength of weight decay.", &o.weight_decay, at_least(0)},
      }};
}

Section describe_decay(DecayConfig& d) {
  return {"optimizer.decay",
          "Which parameters weight decay touches.",
          {
              {"optimizer.decay.matrices", "The matrices of linear layers.", &d.matrices},
              {"optimizer.decay.embeddings", "Token and position embeddings.", &d.embeddings},
              {"optimizer.decay.norms", "Gains and biases of norms.", &d.norms},
              {"optimizer.decay.biases", "Biases of linear layers.", &d.biases},
              {"optimizer.decay.slopes", "Learned slopes of leaky ReLU.", &d.slopes},
              {"optimizer.decay.scales",
               "alpha and beta of ScFFN, the scalars of the family simplified.", &d.scales},
              {"optimizer.decay.gains", "g of weight normalisation.", &d.gains},
              {"optimizer.decay.temperatures", "Temperatures of SM(t).", &d.temperatures},
              {"optimizer.decay.thresholds", "Thresholds theta of EReg.", &d.thresholds},
          }};
}

Section describe_schedule(ScheduleConfig& s) {
  return {"schedule",
          "The learning rate over time: warm-up from 0 to optimizer.lr, then the schedule.",
          {
              {"schedule.name", "The way from optimizer.lr to final_lr.", enum_ref(s.name)},
              {"schedule.warmup", "Length of the warm-up; 0: none.", &s.warmup, at_least(0), true},
              {"schedule.final_lr", "Learning rate at the end; constant ignores it.", &s.final_lr,
               at_least(0)},
          }};
}

Section describe_eval(EvalConfig& e) {
  return {
      "eval",
      "Evaluation on the validation split while training.",
      {
          {"eval.every",
           "Time between evaluations; 0: only at the end, if the corpus has a validation split.",
           &e.every, at_least(0), true},
          {"eval.batches", "Batches of one evaluation; 0: the whole split.", &e.batches,
           between(0, 1e12)},
          {"eval.batch_size", "Sequences in a batch; 0: train.batch_size.", &e.batch_size,
           between(0, 1'000'000)},
      }};
}

Section describe_entropy(EntropyConfig& e) {
  return {"entropy",
          "Statistics of attention entropy on the validation split while training.",
          {
              {"entropy.every",
               "Time between two sets of statistics; 0: only at the end, if the corpus has a "
               "validation split.",
               &e.every, at_least(0), true},
              {"entropy.batches", "Batches of eval.batch_size each time; 0: no statistics.",
               &e.batches, between(0, 1e12)},
              {"entropy.collapse_below",
               "A layer is reported as collapsed if its mean entropy falls below this share of "
               "ln(T!) / T, the entropy of uniform causal attention.",
               &e.collapse_below,
               {.low = 0, .high = 1}},
              {"entropy.overload_above",
               "A layer is reported as overloaded if its mean entropy rises above this share of "
               "ln(T!) / T.",
               &e.overload_above,
               {.low = 0, .high = 1}},
          }};
}

Section describe_checkpoint(CheckpointConfig& c) {
  return {"checkpoint",
          "What a run saves.",
          {
              {"checkpoint.every", "Time between checkpoints; 0: only at the end.", &c.every,
               at_least(0), true},
              {"checkpoint.keep_last", "How many of the latest checkpoints are kept.", &c.keep_last,
               at_least(1)},
              {"checkpoint.keep_best", "Also keep the checkpoint with the lowest validation loss.",
               &c.keep_best},
              {"checkpoint.at_start", "Also save the initial weights, as step 0.", &c.at_start},
              {"checkpoint.background",
               "Save while training goes on; false: training waits for each save, and needs no "
               "memory for copies.",
               &c.background},
          }};
}

Section describe_log(LogConfig& l) {
  return {"log",
          "Console and metrics.jsonl.",
          {
              {"log.every", "Time between two lines of metrics.", &l.every, above(0), true},
          }};
}

}  // namespace

std::vector<Section> describe(RunConfig& config) {
  std::vector<Section> sections{describe_top(config), describe_run_folder(config.run)};
  for (Section& section : describe(config.model)) sections.push_back(std::move(section));
  for (const Section& section :
       {describe_data(config.data), describe_train(config.train),
        describe_optimizer(config.optimizer), describe_decay(config.optimizer.decay),
        describe_schedule(config.schedule), describe_eval(config.eval),
        describe_entropy(config.entropy), describe_checkpoint(config.checkpoint),
        describe_log(config.log)}) {
    sections.push_back(section);
  }
  return sections;
}

}  // namespace aero
