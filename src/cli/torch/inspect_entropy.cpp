#include "cli/torch/inspect_entropy.h"

#include "aero/core/log.h"
#include "aero/core/text.h"
#include "aero/report/fit.h"
#include "aero/report/table.h"
#include "aero/train/entropy_statistics.h"

#include "cli/write_json.h"

#include <cmath>
#include <cstdint>
#include <iostream>
#include <limits>
#include <numeric>

namespace aero::cli {
namespace {

std::string digits(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.4g}", value);
}

/// Makes one row per layer: a column for each head, then their mean, then `last` where it is given.
report::Table table_by_head(const train::ByHead& heads, const std::vector<std::int64_t>* last) {
  std::vector<report::Column> columns{{"layer", report::Align::right}};
  for (std::size_t h = 0; h < heads.front().size(); ++h) {
    columns.push_back({"head " + std::to_string(h), report::Align::right});
  }
  columns.push_back({"mean", report::Align::right});
  if (last != nullptr) columns.push_back({"rows not finite", report::Align::right});
  report::Table table(columns);
  for (std::size_t l = 0; l < heads.size(); ++l) {
    std::vector<std::string> cells{std::to_string(l)};
    for (const double value : heads[l]) cells.push_back(digits(value));
    cells.push_back(digits(std::reduce(heads[l].begin(), heads[l].end()) /
                           static_cast<double>(heads[l].size())));
    if (last != nullptr) cells.push_back(std::to_string((*last)[l]));
    table.add_row(std::move(cells));
  }
  return table;
}

/// The largest mean entropy of a head, where the bins end; NaN where no head has a finite row.
double largest_mean(const train::EntropyStatistics& statistics) {
  double largest = std::numeric_limits<double>::quiet_NaN();
  for (const auto& heads : statistics.mean) {
    for (const double mean : heads) largest = std::fmax(largest, mean);  // ignores NaN
  }
  return largest;
}

void print_text(const train::EntropyStatistics& statistics, const train::LearnedScalars& scalars,
                int columns) {
  const auto print = [columns](const report::Table& table) {
    std::cout << report::fit_tables(table.to_markdown(), columns);
  };
  std::cout << fmt::format(
      "entropy in nats, over {} rows a head; uniform attention has {}, a row at most {}\n\n",
      statistics.rows, digits(statistics.uniform), digits(statistics.largest_possible));
  print(table_by_head(statistics.mean, &statistics.nonfinite_rows));
  report::Table bins({{"share of heads in [0, max/4)", report::Align::right},
                      {"[max/4, max/2)", report::Align::right},
                      {"[max/2, 3max/4)", report::Align::right},
                      {"[3max/4, max]", report::Align::right}});
  std::vector<std::string> shares;
  for (const double share : statistics.bins()) shares.push_back(digits(100 * share) + "%");
  bins.add_row(std::move(shares));
  std::cout << fmt::format("\nfour bins from 0 to max, the largest mean of a head: {}\n\n",
                           digits(largest_mean(statistics)));
  print(bins);
  for (const auto& [name, values] : scalars.by_layer) {
    std::cout << "\n" << name << " by layer:";
    for (const double value : values) std::cout << " " << digits(value);
    std::cout << "\n";
  }
  for (const auto& [name, values] : scalars.by_head) {
    std::cout << "\n" << name << "\n\n";
    print(table_by_head(values, nullptr));
  }
}

void print_json(const LoadedModel& model, const train::EntropyStatistics& statistics,
                const train::LearnedScalars& scalars) {
  nlohmann::ordered_json json{{"checkpoint", model.checkpoint.string()},
                              {"e_max", statistics.largest_possible},
                              {"uniform", statistics.uniform},
                              {"rows", statistics.rows},
                              {"entropy", statistics.mean},
                              {"bins", statistics.bins()},
                              {"nonfinite_rows", statistics.nonfinite_rows}};
  for (const auto& [name, values] : scalars.by_layer) json[name] = values;
  for (const auto& [name, values] : scalars.by_head) json[name] = values;
  write_json(json);
}

}  // namespace

void inspect_entropy(LoadedModel& model, const EntropyInspection& inspection) {
  const auto corpus =
      open_split(model, inspection.data, inspection.split, inspection.other_tokenizer);
  std::int64_t batches = 0;
  const auto statistics =
      train::measure_entropy(model.decoder, corpus,
                             {.batch_size = model.config.train.batch_size,
                              .batches = inspection.batches,
                              .precision = model.config.train.dtype,
                              .proceed = [&] {
                                log::status(fmt::format("measured {} batches", batches++));
                                return true;
                              }});
  log::status("");
  const auto scalars = train::learned_scalars(*model.decoder);
  if (inspection.json) {
    print_json(model, *statistics, scalars);
  } else {
    print_text(*statistics, scalars, inspection.columns);
  }
}

}  // namespace aero::cli
