#include "cli/options.h"

#include "aero/config/json_value.h"
#include "aero/config/suggest.h"
#include "aero/core/error.h"
#include "aero/core/text.h"

#include <algorithm>
#include <cstdint>

namespace aero::cli {

CLI::Option* add_integer(CLI::App& app, const std::string& name, std::int64_t& value,
                         IntegerRange range, const std::string& description) {
  const auto read = [&value, name, range](const std::string& text) {
    value = parse_integer(name, text, range);
  };
  return app.add_option_function<std::string>(name, read, description)
      ->type_name("N")
      ->default_str(std::to_string(value));
}

CLI::Option* add_number(CLI::App& app, const std::string& name, double& value, NumberRange range,
                        const std::string& description) {
  const auto read = [&value, name, range](const std::string& text) {
    value = parse_number(name, text, range);
  };
  return app.add_option_function<std::string>(name, read, description)
      ->type_name("X")
      ->default_str(number_text(value));
}

CLI::Option* add_integers(CLI::App& app, const std::string& name, std::vector<std::int64_t>& values,
                          IntegerRange range, const std::string& description) {
  const auto read = [&values, name, range](const std::vector<std::string>& texts) {
    values.clear();
    for (const auto& list : texts) {
      for (std::size_t start = 0; start <= list.size();) {
        const auto end = std::min(list.find(',', start), list.size());
        values.push_back(parse_integer(name, list.substr(start, end - start), range));
        start = end + 1;
      }
    }
  };
  return app.add_option_function<std::vector<std::string>>(name, read, description)
      ->allow_extra_args(false)
      ->type_name("N,N,...");
}

CLI::Option* add_texts(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                       const std::string& description) {
  return app.add_option(name, values, description)->take_all()->allow_extra_args(false);
}

CLI::Option* add_choice(CLI::App& app, const std::string& name, std::string& value,
                        const std::vector<std::string>& choices, const std::string& description) {
  const auto read = [&value, name, choices](const std::string& text) {
    if (std::ranges::find(choices, text) == choices.end()) {
      throw UsageError(fmt::format("{}: {}: is none of its values{}", name, shortened(text),
                                   choice_hint(text, choices)));
    }
    value = text;
  };
  return app.add_option_function<std::string>(name, read, description)
      ->type_name(CLI::detail::join(choices, "|"))
      ->default_str(value);
}

void require_suffix(const std::string& option, const std::string& file, const std::string& suffix) {
  if (file.ends_with(suffix)) return;
  throw UsageError(fmt::format("{}: \"{}\": name a file that ends in {}", option, file, suffix));
}

}  // namespace aero::cli
