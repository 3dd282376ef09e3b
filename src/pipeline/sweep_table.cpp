#include "aero/pipeline/sweep_table.h"

#include "aero/core/files.h"
#include "aero/report/format.h"
#include "aero/report/table.h"

#include "file_lock.h"
#include "numbers.h"
#include <algorithm>
#include <map>
#include <string_view>

namespace aero::pipeline {
namespace {

using report::Align;

/// The papers' names: SM, LN, G; an operation without one keeps its own.
std::string paper_name(const std::string& operation) {
  static const std::map<std::string, std::string> names{{"softmax", "SM"},  {"layernorm", "LN"},
                                                        {"rmsnorm", "RMS"}, {"gelu", "G"},
                                                        {"relu", "R"},      {"leaky_relu", "LR"}};
  const auto found = names.find(operation);
  return found == names.end() ? operation : found->second;
}

/// "SM: 144 x R^{128x128}, LN: 24 x R^{128x768}"
std::string operations_text(const std::vector<cost::Operation>& operations) {
  std::string text;
  for (const auto& operation : operations) {
    text += (text.empty() ? "" : ", ") + paper_name(operation.name) + ": " +
            std::to_string(operation.count) + " x R^{" + std::to_string(operation.rows) + "x" +
            std::to_string(operation.columns) + "}";
  }
  return text;
}

std::string spread_text(const Spread& spread) {
  if (!spread.mean) return "";
  const auto mean = perplexity_text(*spread.mean);
  return spread.deviation ? mean + " ± " + perplexity_text(*spread.deviation) : mean;
}

std::string bins_text(const MemberResult& member) {
  std::string text;
  if (!member.bins) return text;
  for (const double share : *member.bins) {
    text += (text.empty() ? "" : " ") + fixed(100 * share, 1) + "%";
  }
  return text;
}

/// "seed 2: step 812, blocks.3, loss"
std::string nonfinite_text(const MemberResult& member) {
  std::string text;
  for (const SeedResult& run : member.runs) {
    if (!run.state.nonfinite) continue;
    text += (text.empty() ? "" : "; ") + std::string("seed ") + std::to_string(run.seed) + ": " +
            describe(*run.state.nonfinite);
  }
  return text;
}

/// Of the run that came furthest.
std::int64_t tokens_of(const MemberResult& member) {
  std::int64_t tokens = 0;
  for (const SeedResult& run : member.runs) tokens = std::max(tokens, run.state.tokens);
  return tokens;
}

std::string seeds_text(const MemberResult& member) {
  return std::to_string(member.perplexity.n) + " of " + std::to_string(member.runs.size());
}

std::string number(const std::optional<double>& value) {
  return value ? shortest(*value) : "";
}

std::string share(const MemberResult& member, std::size_t bin) {
  return member.bins ? shortest((*member.bins)[bin]) : "";
}

}  // namespace

std::string to_markdown(const SweepResult& result) {
  report::Table table({{"architecture"},
                       {"member"},
                       {"perplexity", Align::right},
                       {"seeds", Align::right},
                       {"change", Align::right},
                       {"parameters", Align::right},
                       {"FFN", Align::right},
                       {"attention", Align::right},
                       {"nonlinear operations"},
                       {"heads by entropy"},
                       {"tokens", Align::right},
                       {"first non-finite step"}});
  for (const MemberResult& member : result.members) {
    table.add_row({member.report.architecture, member.name, spread_text(member.perplexity),
                   seeds_text(member),
                   member.change_percent ? percent_change(*member.change_percent) : "",
                   report::with_thousands(member.report.parameters.total()),
                   report::flops_text(member.report.flops.paper.ffn),
                   report::flops_text(member.report.flops.paper.attention),
                   operations_text(member.report.operations), bins_text(member),
                   report::with_thousands(tokens_of(member)), nonfinite_text(member)});
  }
  return table.to_markdown();
}

std::string to_csv(const SweepResult& result) {
  report::Table table({{"architecture"},
                       {"member"},
                       {"perplexity"},
                       {"perplexity_std"},
                       {"seeds_finished"},
                       {"seeds"},
                       {"change_percent"},
                       {"parameters"},
                       {"ffn_flops"},
                       {"attention_flops"},
                       {"operations"},
                       {"bin_1"},
                       {"bin_2"},
                       {"bin_3"},
                       {"bin_4"},
                       {"tokens"},
                       {"nonfinite"}});
  for (const MemberResult& member : result.members) {
    table.add_row({member.report.architecture, member.name, number(member.perplexity.mean),
                   number(member.perplexity.deviation), std::to_string(member.perplexity.n),
                   std::to_string(member.runs.size()), number(member.change_percent),
                   std::to_string(member.report.parameters.total()),
                   std::to_string(member.report.flops.paper.ffn),
                   std::to_string(member.report.flops.paper.attention),
                   operations_text(member.report.operations), share(member, 0), share(member, 1),
                   share(member, 2), share(member, 3), std::to_string(tokens_of(member)),
                   nonfinite_text(member)});
  }
  return table.to_csv();
}

SweepResult write_tables(const Sweep& sweep) {
  std::filesystem::create_directories(sweep.folder);
  // Without the lock, a process could write what it read before another's run ended over that
  // one's newer table.
  const auto lock = FileLock::wait(sweep.folder / ("." + sweep.name + ".lock"));
  auto result = collect(sweep);
  write_file(sweep.folder / (sweep.name + ".md"), to_markdown(result));
  write_file(sweep.folder / (sweep.name + ".csv"), to_csv(result));
  write_file(sweep.folder / (sweep.name + ".json"), to_json(result));
  return result;
}

}  // namespace aero::pipeline
