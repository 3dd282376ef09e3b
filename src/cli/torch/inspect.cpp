#include "aero/checkpoint/run_folder.h"
#include "aero/config/notation.h"
#include "aero/core/terminal.h"
#include "aero/core/text.h"
#include "aero/cost/parameters.h"
#include "aero/report/fit.h"
#include "aero/report/table.h"
#include "aero/runs/find_checkpoint.h"

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/torch/inspect_entropy.h"
#include "cli/torch/loaded_model.h"
#include "cli/write_json.h"

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>

namespace aero::cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectOptions {
  std::string model;
  std::string tokens;
  std::string out;
  std::string dtype = "float32";
  std::string device;
  bool gradients = false;
  bool entropy = false;
  EntropyInspection inspection;
  bool json = false;
  bool wide = false;
};

struct TensorSummary {
  std::string name;
  std::vector<std::int64_t> shape;
  double mean = 0;
  double std = 0;
  double largest = 0;  // of the absolute values
  std::int64_t nonfinite = 0;
};

TensorSummary summarize(const std::string& name, const torch::Tensor& tensor) {
  if (tensor.numel() == 0) return {.name = name, .shape = tensor.sizes().vec()};
  const auto values = tensor.to(torch::kFloat64);
  return {name,
          tensor.sizes().vec(),
          values.mean().item<double>(),
          values.std(/*unbiased=*/false).item<double>(),
          values.abs().max().item<double>(),
          torch::isfinite(values).logical_not().sum().item<std::int64_t>()};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

report::Table table_of(const std::vector<TensorSummary>& tensors) {
  using report::Align;
  report::Table table({{"tensor"},
                       {"shape"},
                       {"mean", Align::right},
                       {"std", Align::right},
                       {"max abs", Align::right},
                       {"non-finite", Align::right}});
  for (const auto& tensor : tensors) {
    table.add_row({tensor.name, shape_text(tensor.shape), fmt::format("{:.4e}", tensor.mean),
                   fmt::format("{:.4e}", tensor.std), fmt::format("{:.4e}", tensor.largest),
                   std::to_string(tensor.nonfinite)});
  }
  return table;
}

void describe(const InspectOptions& options) {
  const auto folder = runs::find_checkpoint(options.model);
  const auto config = checkpoint::load_checkpoint_config(folder);
  checkpoint::TrainingState state;
  if (std::filesystem::exists(folder / "state.json")) state = checkpoint::load_state(folder);
  const auto weights = checkpoint::load_weights(folder);
  auto parameters = cost::count_parameters(config.model).total();
  if (!config.model.own_parts.empty()) {  // count_parameters() does not know these parts
    parameters = 0;
    for (const auto& [name, tensor] : weights) parameters += tensor.numel();
  }
  std::vector<TensorSummary> tensors;
  for (const auto& [name, tensor] : weights) tensors.push_back(summarize(name, tensor));
  if (options.json) {
    Json json{{"checkpoint", folder.string()},
              {"architecture", architecture_name(config.model)},
              {"step", state.step},
              {"samples_seen", state.samples_seen},
              {"eval_loss", nullptr},
              {"eval_batches", config.eval.batches},
              {"parameters", parameters},
              {"tensors", Json::array()}};
    if (state.eval_loss) json["eval_loss"] = *state.eval_loss;
    for (const auto& tensor : tensors) {
      json["tensors"].push_back({{"name", tensor.name},
                                 {"shape", tensor.shape},
                                 {"mean", tensor.mean},
                                 {"std", tensor.std},
                                 {"max_abs", tensor.largest},
                                 {"nonfinite", tensor.nonfinite}});
    }
    write_json(json);
    return;
  }
  std::cout << fmt::format("checkpoint   {}\narchitecture {}\nstep         {}, {} sequences seen\n",
                           folder.string(), architecture_name(config.model), state.step,
                           state.samples_seen);
  if (!config.model.own_parts.empty()) {
    std::cout << "own parts    " << config.model.own_parts << "\n";
  }
  if (state.eval_loss) {
    const auto part =
        config.eval.batches > 0
            ? fmt::format(", of at most {} batches (eval.batches)", config.eval.batches)
            : std::string();
    std::cout << fmt::format("evaluation   loss {:.6f}", *state.eval_loss) << part << "\n";
  }
  std::cout << "parameters   " << parameters << "\n\n"
            << report::fit_tables(table_of(tensors).to_markdown(), options.inspection.columns);
}

/// Reads token ids [B, T] from a file, one sequence a line, or from the argument itself.
torch::Tensor read_tokens(const std::string& source, const ModelConfig& config) {
  std::vector<std::vector<std::int64_t>> rows;
  if (std::filesystem::is_regular_file(source)) {
    std::ifstream file(source);
    for (std::string line; std::getline(file, line);) {
      if (line.find_first_not_of(" \t\r") != std::string::npos) {
        rows.push_back(parse_tokens(line, config.vocab_size));
      }
    }
  } else if (source.find_first_not_of("0123456789,- \t\r\n") != std::string::npos) {
    throw UsageError(
        fmt::format("--logits: {}: is neither a list of token ids, as 1,2,3, nor a file", source));
  } else {
    rows.push_back(parse_tokens(source, config.vocab_size));
  }
  if (rows.empty() || rows.front().empty()) {
    throw UsageError(fmt::format("--logits: {}: holds no token ids", source));
  }
  std::vector<std::int64_t> flat;
  for (const auto& row : rows) {
    if (row.size() != rows.front().size()) {
      throw UsageError(
          fmt::format("--logits: {}: every line needs the same number of tokens", source));
    }
    flat.insert(flat.end(), row.begin(), row.end());
  }
  const auto length = static_cast<std::int64_t>(rows.front().size());
  if (length > config.context) {
    throw UsageError(fmt::format("--logits: {}: {} tokens are more than the context of {}", source,
                                 length, config.context));
  }
  return torch::tensor(flat, torch::kInt64).view({-1, length});
}

/// Computes the entropy of every attention row, [L, B, H, T].
torch::Tensor row_entropies(model::Decoder& decoder, const torch::Tensor& tokens) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> rows;
  decoder->hidden(tokens, &rows);
  return torch::stack(rows);
}

void add_gradients(model::Decoder& decoder, const torch::Tensor& loss,
                   checkpoint::TensorMap& tensors) {
  loss.mean().backward();
  for (const auto& item : decoder->named_parameters()) {
    if (item.value().grad().defined()) tensors["grad/" + item.key()] = item.value().grad();
  }
}

/// Throws a UsageError where `out` would lie in the checkpoint folder: AERO alone writes there.
void require_outside(const std::filesystem::path& out, const std::filesystem::path& checkpoint) {
  std::error_code is_missing;
  if (std::filesystem::equivalent(std::filesystem::absolute(out).parent_path(), checkpoint,
                                  is_missing)) {
    throw UsageError(fmt::format(
        "--out: {}: lies in the checkpoint that the command reads; name a file elsewhere",
        out.string()));
  }
}

void write_logits(const InspectOptions& options) {
  if (options.out.empty()) throw UsageError("--logits needs --out FILE.safetensors");
  require_suffix("--out", options.out, ".safetensors");
  require_outside(options.out, runs::find_checkpoint(options.model));
  auto model = load_model(options.model, options.device,
                          options.dtype == "float64" ? torch::kFloat64 : torch::kFloat32);
  auto& decoder = model.decoder;
  const auto tokens = read_tokens(options.tokens, model.config.model).to(decoder->device());
  const auto length = tokens.size(1);

  const auto logits = decoder->forward(tokens);
  checkpoint::TensorMap tensors{{"tokens", tokens}, {"logits", logits.detach()}};
  if (length > 1) {
    const auto loss =
        torch::cross_entropy_loss(logits.narrow(1, 0, length - 1).transpose(1, 2),
                                  tokens.narrow(1, 1, length - 1), {}, at::Reduction::None);
    tensors["loss"] = loss.detach();
    if (options.gradients) add_gradients(decoder, loss, tensors);
  }
  const auto rows = row_entropies(decoder, tokens);
  tensors["row_entropy"] = rows;
  tensors["entropy"] = rows.mean(std::vector<std::int64_t>{1, 3});
  checkpoint::save_safetensors(
      options.out, tensors, {{"checkpoint", model.checkpoint.string()}, {"entropy_unit", "nats"}});
  std::cout << "wrote " << options.out << "\n";
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto options = std::make_shared<InspectOptions>();
  auto* command = add_command(app, "inspect");
  command->add_option("model", options->model, "Run folder or checkpoint folder")->required();
  auto* logits = command->add_option(
      "--logits", options->tokens,
      "Token ids (1,2,3) or a file of them, one sequence a line: write logits [B, T, V], the loss "
      "of each position [B, T-1], and attention entropy by row [L, B, H, T] and head [L, H]");
  command->add_option("--out", options->out, "The safetensors file to write")->needs(logits);
  command
      ->add_flag("--gradients", options->gradients,
                 "Write also the gradient of the mean loss by every parameter, as grad/<name>")
      ->needs(logits);
  add_choice(*command, "--dtype", options->dtype, {"float32", "float64"}, "float32 or float64")
      ->needs(logits);
  command->add_option("--device", options->device, "cpu, cuda or cuda:N");
  auto* entropy = command->add_flag(
      "--entropy", options->entropy,
      "Print the attention entropy of every head over held-out contexts, and the learned scalars");
  entropy->excludes(logits);
  command
      ->add_option("--data", options->inspection.data,
                   "Corpus for --entropy; without it, the corpus that the model was trained on")
      ->needs(entropy);
  add_choice(*command, "--split", options->inspection.split, {"val", "train"},
             "Split of the corpus")
      ->needs(entropy);
  add_integer(*command, "--batches", options->inspection.batches,
              {.low = 1, .high = batch_counts.high},
              "Number of batches of train.batch_size to measure")
      ->needs(entropy);
  command
      ->add_flag(other_tokenizer_flag, options->inspection.other_tokenizer,
                 "Accept a corpus whose tokenizer is not the model's")
      ->needs(entropy);
  command->add_flag("--wide", options->wide, "Print tables whole, however narrow the terminal");
  command->add_flag("--json", options->json, "Print one JSON object");
  command->footer(
      "Examples:\n"
      "  aero inspect runs/mine\n"
      "  aero inspect runs/mine --entropy\n"
      "  aero inspect runs/mine --logits 1,2,3 --out logits.safetensors");
  command->callback([options] {
    if (!options->wide) options->inspection.columns = columns_of(STDOUT_FILENO);
    if (options->entropy) {
      auto model = load_model(options->model, options->device);
      options->inspection.json = options->json;
      inspect_entropy(model, options->inspection);
    } else if (options->tokens.empty()) {
      describe(*options);
    } else {
      write_logits(*options);
    }
  });
}

}  // namespace aero::cli
