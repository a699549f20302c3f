#include <iostream>

#include <trireme/client.hpp>

#include "norm_tasks.hpp"

int main() {
  trireme::Client client;                                     // the cluster of the default profile
  auto view = client.load_balanced_view();                    // any engine that is free
  auto one = view.apply(tasks::norm, std::vector{3.0, 4.0});  // an AsyncResult<double>
  std::cout << one.get() << "\n";                             // 5

  std::vector<std::vector<double>> many{{1.0}, {3.0, 4.0}, {2.0, 3.0, 6.0}};
  for (double norm : view.map(tasks::norm, many).get()) std::cout << norm << "\n";  // 1 5 7
}
