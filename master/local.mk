# master/
