# houses.awk: the formula that made houses.csv: awk -f examples/houses.awk > examples/houses.csv
# Whole numbers run through their ranges at steps without common factors; the price is a formula of them, and the last
# term stands for what the columns do not know: it is between -3 and 3.
BEGIN {
    print "rooms;age;district;area;distance;income;\"median price\""
    for (i = 0; i < 400; i++) {
        rooms = 2 + i * 7 % 6
        age = i * 37 % 91
        district = substr("northsoutheast west ", 1 + i * 3 % 4 * 5, 5)
        sub(/ /, "", district)
        area = 20 * rooms + i * 53 % 61
        distance = i * 29 % 47 / 2
        income = 1 + i * 17 % 97 / 8
        price = 30 + 0.9 * area - 0.4 * age + 25 * log(income) + 60 / (1 + distance) + i * 31 % 13 / 2 - 3
        printf "%d;%d;%s;%d;%.1f;%.3f;%.1f\n", rooms, age, district, area, distance, income, price
    }
}
