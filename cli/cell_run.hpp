// One piece of code on several engines, with its output as it comes, each line under its engine.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme {
class Client;
}

namespace trireme::cli {

/// Text of one stream of one engine on its way to a terminal: every line gets the label in front.
class LabelledLines {
 public:
  using Write = std::function<void(const std::string& text)>;
  /// An empty label: text passes as it is.
  LabelledLines(std::string label, Write write)
      : label_(std::move(label)), write_(std::move(write)) {}

  void add(std::string_view text);
  /// Writes a last line that has no end, and ends it.
  void finish();

 private:
  std::string label_;
  Write write_;
  std::string rest_;  // of the line begun
};

/// The engines of a comma-separated list such as "0,2,4-7"; "all" or "" means all there are.
/// CommandFailed for what is no such list, for engines that are not there, and when there are none.
std::vector<int> chosen_engines(const Client& client, const std::string& list);

/// Runs `code` on the engines and prints what they show. `interrupted` is asked while it runs; once
/// it says yes, the engines are interrupted. True when the code succeeded on all of them.
bool run_cell(const Client& client, const std::vector<int>& engines, const std::string& code,
              const std::function<bool()>& interrupted);

}  // namespace trireme::cli
